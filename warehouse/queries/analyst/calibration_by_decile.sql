-- One row per activity and tenth of the forecasts of the newest model whose outcomes are known:
-- a ratio of 1.0 is perfect.
SELECT activity, decile, posts, predicted_rate, observed_rate, observed_rate / predicted_rate AS ratio
FROM calibration
WHERE model_version = (
    SELECT arg_max(model_version, scored_at) FROM prediction_outcomes WHERE is_forecast
)
ORDER BY activity, decile;
