-- One row: how many good pictures of posts lack a vector of this encoder or these scores.
SELECT count(DISTINCT image_hash)
FROM shown_images
JOIN images USING (image_hash)
ANTI JOIN (
    SELECT image_hash FROM image_embeddings
    SEMI JOIN (
        SELECT image_hash, encoder_id FROM image_scores WHERE taxonomy = $taxonomy
    ) USING (image_hash, encoder_id)
    WHERE encoder_id = $encoder_id
) USING (image_hash)
WHERE images.status = 'ok'
