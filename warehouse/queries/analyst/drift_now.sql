-- One row per feature or prediction, most moved first, as last measured. Above its bound it has moved
-- further than in an ordinary week. Counts of an owner's posts and views so far grow by themselves
-- while the warehouse is young.
SELECT
    kind, name, round(stability_index, 3) AS stability_index, round(bound, 3) AS bound,
    model_version, measured_at
FROM drift
WHERE measured_at = (SELECT max(measured_at) FROM drift)
ORDER BY drift.stability_index DESC
LIMIT 20;
