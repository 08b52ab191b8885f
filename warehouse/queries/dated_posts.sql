-- One row per dated post of the owners, in the order of publication; of posts of the same second
-- the lower id is the earlier one.
SELECT
    owner_id, post_id, published_at, ln(1 + length(text)) AS log_length,
    (image_hash IS NOT NULL)::INTEGER AS has_image
FROM first_contents
WHERE published_at IS NOT NULL AND list_contains($owners, owner_id)
ORDER BY owner_id, published_at, post_id
