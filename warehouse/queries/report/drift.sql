-- One row per feature and prediction: how far it had moved at the newest measurement.
SELECT kind, name, stability_index, bound, measured_at, model_version
FROM drift
WHERE measured_at = (SELECT max(measured_at) FROM drift WHERE measured_at <= $as_of)
  AND isfinite(stability_index)
ORDER BY stability_index DESC, name
