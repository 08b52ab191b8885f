-- One row per touched post: a hash of all it says and said, whenever that was; one of what it says now,
-- and the run that last changed that.
WITH earlier AS (
    SELECT owner_id, post_id, list((text_hash, image_hash, is_ad) ORDER BY seen_at) AS contents
    FROM earlier_contents
    SEMI JOIN touched USING (owner_id, post_id)
    GROUP BY ALL
)
SELECT
    owner_id, post_id, updated_at,
    hash(text_hash, image_hash, is_ad, published_at, source) AS present,
    hash(contents, present) AS said
FROM posts
SEMI JOIN touched USING (owner_id, post_id)
LEFT JOIN earlier USING (owner_id, post_id)
