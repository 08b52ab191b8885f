-- One row per selected post of this chunk: what was known when it was published. Text, picture and
-- mark are those it had when it was first seen.
-- Columns that begin with history_ come from the owner's past; NULL means unknown.
-- Vectors are large and most of them belong to other posts: those of the chunk are found first, by
-- the small columns, and then read by rowid, which leaves out the parts of the file without any.
WITH chunk AS MATERIALIZED (
    SELECT
        selected_posts.owner_id, selected_posts.post_id, selected_posts.published_at, position,
        contents.text_hash, length(contents.text) AS text_length, contents.image_hash,
        -- Words are read from its beginning: no text is to fill the memory.
        contents.is_ad, left(contents.text, 10000) AS text
    FROM selected_posts
    JOIN first_contents AS contents USING (owner_id, post_id)
    WHERE position >= $start AND position < $stop
), found_texts AS MATERIALIZED (
    SELECT rowid AS row_number FROM text_embeddings SEMI JOIN chunk USING (text_hash)
    WHERE encoder_id = $encoder_id
), found_images AS MATERIALIZED (
    SELECT rowid AS row_number FROM image_embeddings SEMI JOIN chunk USING (image_hash)
    WHERE encoder_id = $tagger_id
), members AS (
    -- As many as were known when the post appeared; nobody knows how many there were before.
    SELECT chunk.owner_id, chunk.post_id, owner_members.members
    FROM chunk
    ASOF JOIN owner_members
        ON owner_members.owner_id = chunk.owner_id AND owner_members.seen_at <= chunk.published_at
)
SELECT
    chunk.owner_id, chunk.post_id, chunk.published_at,
    chunk.text_hash, chunk.text, chunk.text_length, chunk.image_hash IS NOT NULL AS has_image, chunk.is_ad,
    statistics.* EXCLUDE (text_hash, version),
    text_embeddings.embedding AS text_embedding,
    coalesce(text_embeddings.n_tokens, 0) AS n_tokens,
    image_embeddings.embedding AS image_embedding,
    image_scores.scores AS image_scores,
    image_tags.category AS image_category,
    similarities.similarity AS text_image_similarity,
    members.members AS owner_members,
    history.* EXCLUDE (owner_id, post_id)
FROM chunk
LEFT JOIN (
    FROM text_statistics SEMI JOIN chunk USING (text_hash) WHERE version = $statistics_version
) AS statistics ON statistics.text_hash = chunk.text_hash
LEFT JOIN (
    FROM text_embeddings WHERE rowid IN (SELECT row_number FROM found_texts)
) AS text_embeddings ON text_embeddings.text_hash = chunk.text_hash
LEFT JOIN (
    FROM image_embeddings WHERE rowid IN (SELECT row_number FROM found_images)
) AS image_embeddings ON image_embeddings.image_hash = chunk.image_hash
LEFT JOIN (
    FROM image_scores SEMI JOIN chunk USING (image_hash)
    WHERE encoder_id = $tagger_id AND taxonomy = $taxonomy
) AS image_scores ON image_scores.image_hash = chunk.image_hash
LEFT JOIN (
    FROM image_tags SEMI JOIN chunk USING (image_hash)
    WHERE encoder_id = $tagger_id AND taxonomy = $taxonomy AND rank = 1
) AS image_tags ON image_tags.image_hash = chunk.image_hash
LEFT JOIN (
    FROM text_image_similarities SEMI JOIN chunk USING (text_hash, image_hash)
    WHERE encoder_id = $tagger_id
) AS similarities
    ON similarities.text_hash = chunk.text_hash AND similarities.image_hash = chunk.image_hash
LEFT JOIN (
    FROM selected_history SEMI JOIN chunk USING (owner_id, post_id)
) AS history ON history.owner_id = chunk.owner_id AND history.post_id = chunk.post_id
LEFT JOIN members
    ON members.owner_id = chunk.owner_id AND members.post_id = chunk.post_id
ORDER BY chunk.position
