-- One row per picture category and activity: its rate beside that of all posts with a picture.
WITH tagged AS (
    SELECT category, activity, "count", exposures
    FROM image_tags
    JOIN posts USING (image_hash)
    JOIN outcomes USING (owner_id, post_id)
    WHERE rank = 1
)
SELECT
    category, activity, count(*) AS posts, sum("count") / sum(exposures) AS rate,
    (sum("count") / sum(exposures)) / any_value(overall.rate) - 1 AS beside_all_pictures
FROM tagged
JOIN (
    SELECT activity, sum("count") / sum(exposures) AS rate FROM tagged GROUP BY activity
) AS overall USING (activity)
GROUP BY category, activity
HAVING count(*) >= 20
ORDER BY activity, beside_all_pictures DESC;
