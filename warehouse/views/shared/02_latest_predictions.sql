-- One row per scored post and activity: the champion's prediction, else the newest one.
CREATE OR REPLACE VIEW latest_predictions AS
SELECT predictions.*
FROM predictions
LEFT JOIN models USING (model_version)
QUALIFY row_number() OVER (
    PARTITION BY owner_id, post_id, activity
    ORDER BY models.status IS NOT DISTINCT FROM 'champion' DESC, scored_at DESC, model_version DESC
) = 1;
