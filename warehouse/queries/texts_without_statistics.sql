-- Where each distinct text without statistics of this version is stored: table, and row in it. In
-- their order texts are read once from end to end; in any other each chunk would read all of them.
WITH missing AS (
    SELECT DISTINCT text_hash FROM first_contents
    ANTI JOIN (SELECT text_hash FROM text_statistics WHERE version = $version) USING (text_hash)
), stored AS (
    SELECT text_hash, 'posts' AS place, rowid AS row FROM posts
    UNION ALL
    SELECT text_hash, 'earlier_contents', rowid FROM earlier_contents
)
SELECT unnest(min({'place': place, 'row': row}))
FROM stored
SEMI JOIN missing USING (text_hash)
GROUP BY text_hash
ORDER BY ALL
