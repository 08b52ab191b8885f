-- One row per owner: the hour (Moscow) whose posts got most likes per view, of hours with at
-- least five labelled posts. It is what happened, not what would happen at another hour.
WITH hourly AS (
    SELECT
        owner_id, hour(published_at AT TIME ZONE 'Europe/Moscow') AS hour,
        count(*) AS posts, sum(likes) / sum(views) AS like_rate
    FROM posts
    JOIN grown_labels USING (owner_id, post_id)
    WHERE views > 0 AND likes IS NOT NULL
    GROUP BY ALL
    HAVING count(*) >= 5
)
SELECT owner_id, hour, posts, like_rate
FROM hourly
QUALIFY row_number() OVER (PARTITION BY owner_id ORDER BY like_rate DESC, hour) = 1
ORDER BY owner_id;
