-- One row per activity: how the scores written before the outcome was known have done.
SELECT
    activity, count(*) AS posts,
    sum(log_loss_per_view * exposures) / sum(exposures) AS log_loss_per_view
FROM prediction_outcomes
WHERE is_forecast
GROUP BY activity
ORDER BY activity
