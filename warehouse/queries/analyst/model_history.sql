-- One row per model version, newest first: what it gains on its own test window.
SELECT
    model_version, created_at, status, n_posts,
    max(value) FILTER (metric = 'log_loss_per_view') AS log_loss_per_view,
    max(value) FILTER (metric = 'gain_over_global') AS gain_over_global,
    max(value) FILTER (metric = 'gain_over_owner') AS gain_over_owner,
    max(low) FILTER (metric = 'gain_over_owner') AS at_least
FROM models
LEFT JOIN model_metrics USING (model_version)
WHERE activity = 'all' AND split = 'test'
GROUP BY ALL
ORDER BY created_at DESC;
