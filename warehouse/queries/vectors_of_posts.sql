-- One row per asked post whose text (or picture: image), as it was first seen, has a vector of the encoder.
SELECT
    row_number() OVER (ORDER BY owner_id, post_id) - 1 AS number, owner_id, post_id,
    embedding AS vector
FROM keys
JOIN first_contents USING (owner_id, post_id)
JOIN {content}_embeddings USING ({content}_hash)
WHERE encoder_id = $encoder_id
ORDER BY number
