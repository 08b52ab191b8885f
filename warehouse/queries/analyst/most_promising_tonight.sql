-- One row per newly scored post, most promising first: likes and reposts, less the hides.
SELECT
    owner_id, owner_name, post_id, published_at, text_start,
    round(1000 * p_like, 1) AS likes_per_1000_views,
    round(1000 * p_repost, 2) AS reposts_per_1000_views,
    round(1000 * p_hide, 2) AS hides_per_1000_views
FROM predictions_wide
WHERE scored_at = (SELECT max(scored_at) FROM predictions_wide)
ORDER BY p_like + p_repost - p_hide DESC
LIMIT 20;
