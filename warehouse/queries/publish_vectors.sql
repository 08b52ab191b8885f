-- One row per post whose text (or picture: image), as it was first seen, has a usable vector of the
-- encoder; what came with an edit is left out. One without direction, or with values that are no numbers, has no angle.
CREATE TABLE draft.{content}_vectors AS
SELECT owner_id, post_id, embedding::FLOAT[{dimensions}] AS vector
FROM first_contents
JOIN {content}_embeddings USING ({content}_hash)
WHERE encoder_id = $encoder_id AND list_inner_product(embedding, embedding) > 0
    AND isfinite(list_inner_product(embedding, embedding));
