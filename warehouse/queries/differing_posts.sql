-- One row per incoming post that is new, or not what the warehouse holds.
SELECT
    incoming.*,
    posts.first_seen_at,
    posts.owner_id IS NULL AS is_new
FROM incoming
LEFT JOIN posts USING (owner_id, post_id)
WHERE posts.owner_id IS NULL
   OR posts.published_at IS DISTINCT FROM incoming.published_at
   OR posts.text_hash IS DISTINCT FROM incoming.text_hash
   OR posts.image_hash IS DISTINCT FROM incoming.image_hash
   OR posts.is_ad IS DISTINCT FROM incoming.is_ad
   OR posts.source IS DISTINCT FROM ?
