-- One row per distinct text of a range of hashes that has no statistics of this version.
SELECT text_hash, any_value(text) AS text
FROM first_contents
ANTI JOIN (
    SELECT text_hash FROM text_statistics
    WHERE version = $version AND text_hash >= $since AND ($until IS NULL OR text_hash < $until)
) USING (text_hash)
WHERE text_hash >= $since AND ($until IS NULL OR text_hash < $until)
GROUP BY text_hash
ORDER BY text_hash
