-- One row per moment at which a post of news was seen, in order: what was told then, as sightings have it,
-- and what the post showed. A mark that was not told is the one told before, else the first one told after.
-- So is a picture that was awaited; but one told after only if it came for a text that awaited it, for
-- that of an edit may be another one. Of a moment that is told and one of a run that are the same the
-- one that is told counts. is_edit: from then on it shows something else than before.
WITH history AS (
    FROM known
    SEMI JOIN news USING (owner_id, post_id)
    ANTI JOIN (FROM news WHERE change <> 'source') USING (owner_id, post_id, seen_at, is_dated)
    UNION ALL BY NAME
    SELECT * EXCLUDE (change, is_conflict), false AS is_stored FROM news WHERE change = 'told'
), told AS (
    SELECT
        *,
        if(awaits_picture, NULL, struct_pack(image_hash)) AS picture,
        CASE
            WHEN awaits_picture THEN NULL
            WHEN text_hash = lag(text_hash) OVER moments THEN struct_pack(image_hash)
            ELSE struct_pack(image_hash := NULL::VARCHAR)
        END AS late_picture
    FROM history
    WINDOW moments AS (PARTITION BY owner_id, post_id ORDER BY seen_at, is_dated)
), completed AS (
    SELECT
        * EXCLUDE (picture, late_picture),
        coalesce(
            last_value(picture IGNORE NULLS) OVER until_then,
            first_value(late_picture IGNORE NULLS) OVER since_then
        ) AS picture,
        coalesce(
            last_value(is_ad IGNORE NULLS) OVER until_then,
            first_value(is_ad IGNORE NULLS) OVER since_then
        ) AS shown_is_ad
    FROM told
    WINDOW
        until_then AS (
            PARTITION BY owner_id, post_id ORDER BY seen_at, is_dated
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ),
        since_then AS (
            PARTITION BY owner_id, post_id ORDER BY seen_at, is_dated
            ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        )
), showing AS (
    SELECT
        * EXCLUDE (picture), picture.image_hash AS shown_image_hash,
        if(
            is_dated OR NOT bool_or(is_dated) OVER (PARTITION BY owner_id, post_id, seen_at),
            row(text_hash, picture.image_hash, shown_is_ad), NULL
        ) AS shown
    FROM completed
), texts AS (
    SELECT owner_id, post_id, text_hash, any_value(text) AS text
    FROM (
        SELECT owner_id, post_id, text_hash, text FROM incoming
        UNION ALL
        SELECT owner_id, post_id, text_hash, text FROM earlier_contents
        UNION ALL
        SELECT owner_id, post_id, text_hash, text FROM posts
    )
    SEMI JOIN news USING (owner_id, post_id)
    GROUP BY ALL
)
SELECT
    showing.* EXCLUDE (shown), text,
    awaits_picture AND shown_image_hash IS NULL AS still_awaits_picture,
    shown IS NOT NULL AND shown IS DISTINCT FROM lag(shown IGNORE NULLS) OVER moments AS is_edit,
    count(*) OVER (PARTITION BY owner_id, post_id) AS n_moments
FROM showing
LEFT JOIN texts USING (owner_id, post_id, text_hash)
WINDOW moments AS (PARTITION BY owner_id, post_id ORDER BY seen_at, is_dated)
ORDER BY owner_id, post_id, seen_at, is_dated
