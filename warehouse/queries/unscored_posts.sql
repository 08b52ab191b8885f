-- One row per post of the scoring window that has no prediction of this bundle; without
-- $rescore_known only those whose outcome is not known yet, or that no bundle has scored.
SELECT
    owner_id, post_id, published_at,
    row_number() OVER (ORDER BY published_at NULLS FIRST, owner_id, post_id) - 1 AS position
FROM posts
ANTI JOIN (
    SELECT owner_id, post_id FROM predictions WHERE model_version = $model_version
) USING (owner_id, post_id)
ANTI JOIN (
    SELECT owner_id, post_id FROM predictions
    SEMI JOIN labels USING (owner_id, post_id)
    WHERE NOT $rescore_known AND predicted_by = 'model'
) USING (owner_id, post_id)
WHERE (published_at >= $since AND published_at <= $until) OR published_at IS NULL
