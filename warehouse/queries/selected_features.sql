-- One row per selected post of this chunk: what was known when it was published.
-- Columns that begin with history_ come from the owner's past; NULL means unknown.
SELECT
    selected_posts.owner_id, selected_posts.post_id, selected_posts.published_at,
    posts.text_hash, length(posts.text) AS text_length, posts.image_hash IS NOT NULL AS has_image, posts.is_ad,
    statistics.* EXCLUDE (text_hash, version),
    text_embeddings.embedding AS text_embedding,
    coalesce(text_embeddings.n_tokens, 0) AS n_tokens,
    image_embeddings.embedding AS image_embedding,
    image_scores.scores AS image_scores,
    image_tags.category AS image_category,
    similarities.similarity AS text_image_similarity,
    history.* EXCLUDE (owner_id, post_id)
FROM selected_posts
JOIN posts USING (owner_id, post_id)
LEFT JOIN text_statistics AS statistics
    ON statistics.text_hash = posts.text_hash AND statistics.version = $statistics_version
LEFT JOIN text_embeddings
    ON text_embeddings.text_hash = posts.text_hash AND text_embeddings.encoder_id = $encoder_id
LEFT JOIN image_embeddings
    ON image_embeddings.image_hash = posts.image_hash AND image_embeddings.encoder_id = $tagger_id
LEFT JOIN image_scores
    ON image_scores.image_hash = posts.image_hash
    AND image_scores.encoder_id = $tagger_id AND image_scores.taxonomy = $taxonomy
LEFT JOIN image_tags
    ON image_tags.image_hash = posts.image_hash AND image_tags.encoder_id = $tagger_id
    AND image_tags.taxonomy = $taxonomy AND image_tags.rank = 1
LEFT JOIN text_image_similarities AS similarities
    ON similarities.text_hash = posts.text_hash AND similarities.image_hash = posts.image_hash
    AND similarities.encoder_id = $tagger_id
LEFT JOIN selected_history AS history
    ON history.owner_id = selected_posts.owner_id AND history.post_id = selected_posts.post_id
WHERE selected_posts.position >= $start AND selected_posts.position < $stop
ORDER BY selected_posts.position
