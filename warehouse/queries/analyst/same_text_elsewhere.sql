-- One row per text that appeared on several walls: where it was liked most and least, and by how much.
SELECT
    content_hash, any_value(n_owners) AS walls, any_value(n_posts) AS posts,
    arg_max(near_duplicates.owner_id, like_rate) AS liked_most_by,
    round(1000 * max(like_rate), 1) AS most_likes_per_1000_views,
    arg_min(near_duplicates.owner_id, like_rate) AS liked_least_by,
    round(1000 * min(like_rate), 1) AS least_likes_per_1000_views,
    arg_min(left(text, 100), near_duplicates.published_at) AS text_start
FROM near_duplicates
JOIN posts USING (owner_id, post_id)
WHERE kind = 'text' AND n_owners > 1
GROUP BY content_hash
ORDER BY max(like_rate) / nullif(min(like_rate), 0) DESC NULLS LAST, content_hash
LIMIT 20;
