-- One row per model version, activity and tenth of its forecasts ordered by probability:
-- the mean probability, weighted by views, beside what happened.
CREATE OR REPLACE VIEW calibration AS
WITH ranked AS (
    SELECT *, ntile(10) OVER (
        PARTITION BY model_version, activity ORDER BY probability, owner_id, post_id
    ) AS decile
    FROM prediction_outcomes
    WHERE is_forecast
)
SELECT
    model_version, activity, decile, count(*) AS posts,
    -- Posts of a warehouse older than the bound on counts may have any: DOUBLE cannot overflow.
    sum(exposures::DOUBLE) AS exposures,
    sum(probability * exposures) / sum(exposures::DOUBLE) AS predicted_rate,
    sum("count"::DOUBLE) / sum(exposures::DOUBLE) AS observed_rate
FROM ranked
GROUP BY model_version, activity, decile;
