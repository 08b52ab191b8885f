-- One row per day of the last 30 with posts: how many were published then, in the time zone.
SELECT CAST(timezone($time_zone, published_at) AS DATE) AS day, count(*) AS posts
FROM posts
WHERE published_at > $as_of - INTERVAL 30 DAYS AND published_at <= $as_of
GROUP BY day
ORDER BY day
