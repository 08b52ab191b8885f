-- One row per post of the last scored week that readers are most likely to hide, beside what is
-- usual for its owner.
SELECT
    owner_id, post_id, text_start, p_hide,
    median(p_hide) OVER (PARTITION BY owner_id) AS usual_for_owner,
    p_hide / median(p_hide) OVER (PARTITION BY owner_id) AS times_usual
FROM predictions_wide
WHERE published_at > (SELECT max(published_at) - INTERVAL 7 DAY FROM predictions_wide)
ORDER BY times_usual DESC
LIMIT 20;
