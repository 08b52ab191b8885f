-- One row per post with a label, with its place in time. Where there are more than $most, a sample:
-- always the same posts, as dense at any time as all are. NULL: all of them.
SELECT
    owner_id, post_id, published_at,
    row_number() OVER (ORDER BY published_at NULLS FIRST, owner_id, post_id) - 1 AS position
FROM (
    SELECT owner_id, post_id, published_at
    FROM posts
    SEMI JOIN labels USING (owner_id, post_id)
    WHERE published_at >= $since OR published_at IS NULL
    QUALIFY coalesce(
        row_number() OVER (ORDER BY hash(owner_id, post_id), owner_id, post_id) <= $most, true
    )
)
