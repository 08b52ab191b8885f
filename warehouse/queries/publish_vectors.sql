-- One row per post whose text has a usable vector of the encoder: one without direction, or with
-- values that are no numbers, has no angle to any other.
CREATE TABLE draft.text_vectors AS
SELECT owner_id, post_id, embedding::FLOAT[{dimensions}] AS vector
FROM posts
JOIN text_embeddings USING (text_hash)
WHERE encoder_id = $encoder_id AND list_inner_product(embedding, embedding) > 0
    AND isfinite(list_inner_product(embedding, embedding));
