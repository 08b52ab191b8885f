-- One row per text and picture that were posted together, with the picture's vector, where the
-- tagger has not compared them yet; but for texts that its text tower fails on.
SELECT contents.text_hash, any_value(contents.text) AS text, contents.image_hash,
    any_value(image_embeddings.embedding) AS embedding
FROM first_contents AS contents
JOIN image_embeddings
    ON image_embeddings.image_hash = contents.image_hash
    AND image_embeddings.encoder_id = $encoder_id
ANTI JOIN text_image_similarities AS compared
    ON compared.text_hash = contents.text_hash AND compared.image_hash = contents.image_hash
    AND compared.encoder_id = $encoder_id
ANTI JOIN (
    SELECT key AS text_hash FROM quarantine WHERE source = 'text tower ' || $encoder_id
) AS faulty ON faulty.text_hash = contents.text_hash
WHERE contents.text <> ''
GROUP BY contents.text_hash, contents.image_hash
ORDER BY contents.text_hash, contents.image_hash
