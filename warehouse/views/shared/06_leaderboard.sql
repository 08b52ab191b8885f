-- One row per model version and activity judged on its test window, newest model first; the
-- activity all is the mean over the others. Gains are relative, with 95 % intervals.
CREATE OR REPLACE VIEW leaderboard AS
SELECT
    models.model_version, models.status, models.created_at, model_metrics.activity,
    any_value("value") FILTER (metric = 'log_loss_per_view') AS log_loss_per_view,
    any_value("value") FILTER (metric = 'gain_over_global') AS gain_over_global,
    any_value("low") FILTER (metric = 'gain_over_global') AS gain_over_global_low,
    any_value("high") FILTER (metric = 'gain_over_global') AS gain_over_global_high,
    any_value("value") FILTER (metric = 'gain_over_owner') AS gain_over_owner,
    any_value("low") FILTER (metric = 'gain_over_owner') AS gain_over_owner_low,
    any_value("high") FILTER (metric = 'gain_over_owner') AS gain_over_owner_high,
    any_value("value") FILTER (metric = 'oracle_share') AS oracle_share,
    any_value("value") FILTER (metric = 'test_posts')::BIGINT AS test_posts
FROM models
JOIN model_metrics USING (model_version)
WHERE split = 'test'
GROUP BY models.model_version, models.status, models.created_at, model_metrics.activity
ORDER BY models.created_at DESC, model_version DESC, model_metrics.activity;
