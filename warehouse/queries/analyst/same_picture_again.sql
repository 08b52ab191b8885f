-- One row per picture that was posted more than once: how its posts did, first and last.
SELECT
    image_hash, count(*) AS posts, min(published_at) AS first_posted, max(published_at) AS last_posted,
    arg_min(likes / views, published_at) AS like_rate_first,
    arg_max(likes / views, published_at) AS like_rate_last
FROM posts
JOIN grown_labels USING (owner_id, post_id)
WHERE image_hash IS NOT NULL AND views > 0
GROUP BY image_hash
HAVING count(*) > 1
ORDER BY posts DESC, image_hash
LIMIT 20;
