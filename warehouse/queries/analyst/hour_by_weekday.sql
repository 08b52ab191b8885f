-- One row per weekday (1 is Monday) and hour of publication in Moscow: posts, and likes per view.
SELECT
    isodow(published_at AT TIME ZONE 'Europe/Moscow') AS weekday,
    hour(published_at AT TIME ZONE 'Europe/Moscow') AS hour,
    count(*) AS posts, sum(likes) / sum(views) AS like_rate
FROM posts
JOIN grown_labels USING (owner_id, post_id)
WHERE published_at IS NOT NULL AND views > 0
GROUP BY ALL
ORDER BY weekday, hour;
