-- One row per post that had appeared by a moment, with the vector of its text ({content}: text), or
-- of its picture (image), as it was first seen.
SELECT owner_id, post_id, embedding AS vector
FROM first_contents
JOIN {content}_embeddings USING ({content}_hash)
WHERE encoder_id = $encoder_id AND len(embedding) = $dimensions
    AND (published_at IS NULL OR published_at < $as_of)
