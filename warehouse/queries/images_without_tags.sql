-- One row per good picture of a post without a vector of this encoder or scores of this
-- taxonomy, newest posts first; but for those that this encoder fails on.
SELECT image_hash
FROM shown_images
JOIN images USING (image_hash)
ANTI JOIN (
    SELECT image_hash FROM image_embeddings
    SEMI JOIN (
        SELECT image_hash, encoder_id FROM image_scores WHERE taxonomy = $taxonomy
    ) USING (image_hash, encoder_id)
    WHERE encoder_id = $encoder_id
) USING (image_hash)
ANTI JOIN (
    SELECT key AS image_hash FROM quarantine WHERE source = 'picture tagger ' || $encoder_id
) USING (image_hash)
WHERE images.status = 'ok'
GROUP BY image_hash
ORDER BY max(published_at) DESC NULLS LAST, image_hash
