-- One row per dated post of a window, with its place in time.
SELECT
    owner_id, post_id, published_at,
    row_number() OVER (ORDER BY published_at, owner_id, post_id) - 1 AS position
FROM posts
WHERE published_at >= $since AND published_at <= $until
