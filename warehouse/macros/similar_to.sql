-- One row per post among the n most similar ones by text, nearest first, and what it got at the stated
-- age. Every vector is compared. The post itself is left out; one without a vector resembles nothing.
CREATE MACRO similar_to(of_owner_id, of_post_id, n) AS TABLE
WITH given AS MATERIALIZED (
    SELECT vector
    FROM text_vectors
    WHERE owner_id = of_owner_id AND post_id = of_post_id
), nearest AS MATERIALIZED (
    SELECT
        text_vectors.owner_id, text_vectors.post_id,
        array_cosine_similarity(text_vectors.vector, given.vector) AS cosine
    FROM text_vectors, given
    WHERE NOT (text_vectors.owner_id = of_owner_id AND text_vectors.post_id = of_post_id)
    ORDER BY cosine DESC, text_vectors.owner_id, text_vectors.post_id
    LIMIT n
)
SELECT
    nearest.owner_id, owners.name AS owner_name, nearest.post_id, posts.published_at,
    left(posts.text, 100) AS text_start, nearest.cosine,
    outcomes_wide.* EXCLUDE (owner_id, post_id)
FROM nearest
JOIN posts USING (owner_id, post_id)
LEFT JOIN owners ON owners.owner_id = nearest.owner_id
LEFT JOIN outcomes_wide
    ON outcomes_wide.owner_id = nearest.owner_id AND outcomes_wide.post_id = nearest.post_id
ORDER BY nearest.cosine DESC, nearest.owner_id, nearest.post_id;
