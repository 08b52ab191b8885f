-- One row per distinct non-empty text without a vector of this encoder. The newest posts come
-- first, so that a night cut short has embedded what it will score.
SELECT text_hash, any_value(text) AS text
FROM first_contents
ANTI JOIN (SELECT text_hash FROM text_embeddings WHERE encoder_id = $encoder_id) USING (text_hash)
ANTI JOIN (
    SELECT key AS text_hash FROM quarantine WHERE source = 'text encoder ' || $encoder_id
) USING (text_hash)
WHERE text <> ''
GROUP BY text_hash
ORDER BY max(published_at) DESC NULLS LAST, text_hash
