-- One row per bundle nothing needs any more: made before the cutoff, never promoted, and no
-- prediction that is kept was made by it.
SELECT model_version
FROM models
ANTI JOIN predictions USING (model_version)
ANTI JOIN (FROM promotions WHERE decision = 'promoted') USING (model_version)
WHERE created_at < $cutoff AND status <> 'champion'
ORDER BY model_version
