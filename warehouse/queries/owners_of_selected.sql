-- One row per group of owners of selected posts: groups have about so many posts, or one owner.
SELECT list(owner_id)
FROM (
    SELECT
        owner_id,
        (sum(count(*)) OVER (ORDER BY owner_id) - count(*)) // $posts AS number
    FROM posts
    SEMI JOIN selected_posts USING (owner_id)
    GROUP BY owner_id
)
GROUP BY number
ORDER BY number
