-- One row: how many distinct non-empty texts have no vector of this encoder.
SELECT count(DISTINCT text_hash)
FROM first_contents
ANTI JOIN (SELECT text_hash FROM text_embeddings WHERE encoder_id = $encoder_id) USING (text_hash)
ANTI JOIN (
    SELECT key AS text_hash FROM quarantine WHERE source = 'text encoder ' || $encoder_id
) USING (text_hash)
WHERE text <> ''
