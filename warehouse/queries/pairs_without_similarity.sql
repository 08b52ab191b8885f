-- One row per text and picture that were posted together, with the picture's vector, where the
-- tagger has not compared them yet.
SELECT contents.text_hash, any_value(contents.text) AS text, contents.image_hash,
    any_value(image_embeddings.embedding) AS embedding
FROM first_contents AS contents
JOIN image_embeddings
    ON image_embeddings.image_hash = contents.image_hash
    AND image_embeddings.encoder_id = $encoder_id
ANTI JOIN text_image_similarities AS compared
    ON compared.text_hash = contents.text_hash AND compared.image_hash = contents.image_hash
    AND compared.encoder_id = $encoder_id
WHERE contents.text <> ''
GROUP BY contents.text_hash, contents.image_hash
ORDER BY contents.text_hash, contents.image_hash
