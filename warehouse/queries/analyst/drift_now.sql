-- One row per feature or prediction, most moved first, as last measured. Above 0.1 a population
-- differs from the one the model learnt from, above 0.25 much. Counts of an owner's posts and
-- views so far grow by themselves while the warehouse is young.
SELECT kind, name, round(stability_index, 3) AS stability_index, model_version, measured_at
FROM drift
WHERE measured_at = (SELECT max(measured_at) FROM drift)
ORDER BY drift.stability_index DESC
LIMIT 20;
