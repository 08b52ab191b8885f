-- One row per text and picture that were posted together, with the picture's vector, where the
-- tagger has not compared them yet.
SELECT posts.text_hash, any_value(posts.text) AS text, posts.image_hash,
    any_value(image_embeddings.embedding) AS embedding
FROM posts
JOIN image_embeddings
    ON image_embeddings.image_hash = posts.image_hash
    AND image_embeddings.encoder_id = $encoder_id
ANTI JOIN text_image_similarities AS compared
    ON compared.text_hash = posts.text_hash AND compared.image_hash = posts.image_hash
    AND compared.encoder_id = $encoder_id
WHERE posts.text <> ''
GROUP BY posts.text_hash, posts.image_hash
ORDER BY posts.text_hash, posts.image_hash
LIMIT $limit
