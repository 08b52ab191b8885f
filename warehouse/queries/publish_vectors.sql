-- One row per post whose text, as it was first seen, has a usable vector of the encoder; a text after
-- an edit is not embedded. One without direction, or with values that are no numbers, has no angle.
CREATE TABLE draft.text_vectors AS
SELECT owner_id, post_id, embedding::FLOAT[{dimensions}] AS vector
FROM first_contents
JOIN text_embeddings USING (text_hash)
WHERE encoder_id = $encoder_id AND list_inner_product(embedding, embedding) > 0
    AND isfinite(list_inner_product(embedding, embedding));
