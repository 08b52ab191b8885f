-- One row per bundle of the last 30 and activity: its gain over the owner rate on its test window.
SELECT created_at, model_version, activity, value, low, high
FROM model_metrics
JOIN (
    SELECT model_version, created_at FROM models WHERE created_at <= $as_of
    ORDER BY created_at DESC LIMIT 30
) USING (model_version)
WHERE split = 'test' AND metric = 'gain_over_owner'
ORDER BY created_at, activity
