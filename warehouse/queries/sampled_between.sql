-- One row per post of a sample of those published in a window, always the same ones.
SELECT
    owner_id, post_id, published_at,
    row_number() OVER (ORDER BY published_at, owner_id, post_id) - 1 AS position
FROM (
    SELECT owner_id, post_id, published_at
    FROM posts
    WHERE published_at >= $since AND published_at <= $until
    ORDER BY hash(owner_id, post_id)
    LIMIT $limit
)
