-- One row per window and post of a sample of those published in it, always the same ones, the
-- windows one after the other.
WITH windows AS (
    SELECT unnest($since) AS since, unnest($until) AS until, unnest($number) AS number
), drawn AS (
    SELECT owner_id, post_id, published_at, number
    FROM posts
    JOIN windows ON published_at >= since AND published_at <= until
    QUALIFY row_number() OVER (PARTITION BY number ORDER BY hash(owner_id, post_id)) <= $limit
)
SELECT
    owner_id, post_id, published_at, number,
    row_number() OVER (ORDER BY number, published_at, owner_id, post_id) - 1 AS position
FROM drawn
