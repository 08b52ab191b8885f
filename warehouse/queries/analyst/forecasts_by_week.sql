-- One row per week of publication and activity: what was forecast, what happened, the log loss.
SELECT
    date_trunc('week', published_at) AS week, activity, count(*) AS posts,
    sum(probability * exposures) / sum(exposures) AS predicted_rate,
    sum("count") / sum(exposures) AS observed_rate,
    sum(log_loss_per_view * exposures) / sum(exposures) AS log_loss_per_view
FROM prediction_outcomes
JOIN posts USING (owner_id, post_id)
WHERE is_forecast
GROUP BY ALL
ORDER BY week DESC, activity;
