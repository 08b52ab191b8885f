-- One row per post and activity whose outcome was read lately: the last probability that was
-- written before the outcome was known, and what happened.
SELECT
    owner_id, post_id, activity, probability, rate, exposures, "count", observed_at
FROM prediction_outcomes
WHERE is_forecast AND scored_at <= $as_of AND observed_at > $since AND observed_at <= $as_of
QUALIFY row_number() OVER (
    PARTITION BY owner_id, post_id, activity ORDER BY scored_at DESC, model_version DESC
) = 1
ORDER BY owner_id, post_id, activity
