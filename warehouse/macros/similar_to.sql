-- One row per post among the n most similar ones, nearest first, and what it got at the stated age: by
-- text, by picture, or by both: by how many standard deviations each cosine lies above those of all
-- posts, since cosines of pictures vary several times as much as those of texts, and a plain mean
-- would hardly read the text. Every vector is compared. The post itself is left out; one without a
-- vector resembles nothing.
CREATE MACRO similar_to(of_owner_id, of_post_id, n, compared := 'text') AS TABLE
WITH text_cosines AS NOT MATERIALIZED (
    SELECT
        text_vectors.owner_id, text_vectors.post_id,
        array_cosine_similarity(text_vectors.vector, given.vector) AS cosine
    FROM text_vectors, (
        SELECT vector FROM text_vectors WHERE owner_id = of_owner_id AND post_id = of_post_id
    ) AS given
), image_cosines AS NOT MATERIALIZED (
    SELECT
        image_vectors.owner_id, image_vectors.post_id,
        array_cosine_similarity(image_vectors.vector, given.vector) AS cosine
    FROM image_vectors, (
        SELECT vector FROM image_vectors WHERE owner_id = of_owner_id AND post_id = of_post_id
    ) AS given
), pairs AS NOT MATERIALIZED (
    SELECT owner_id, post_id, text_cosines.cosine AS text, image_cosines.cosine AS image
    FROM text_cosines
    JOIN image_cosines USING (owner_id, post_id)
), cosines AS (
    SELECT owner_id, post_id, cosine, cosine AS nearness
    FROM text_cosines
    WHERE compared::VARCHAR = 'text'
    UNION ALL
    SELECT owner_id, post_id, cosine, cosine
    FROM image_cosines
    WHERE compared::VARCHAR = 'picture'
    UNION ALL
    SELECT
        owner_id, post_id, (text + image) / 2,
        coalesce(text / nullif(stddev_pop(text) OVER (), 0), 0)
            + coalesce(image / nullif(stddev_pop(image) OVER (), 0), 0)
    FROM pairs
    WHERE compared::VARCHAR = 'both'
    UNION ALL
    SELECT of_owner_id, of_post_id + 1, 0, 0
    WHERE CASE
        WHEN compared IS NULL OR compared::VARCHAR NOT IN ('text', 'picture', 'both')
            THEN error('similar_to takes compared := ''text'', ''picture'' or ''both''') IS NULL
        ELSE false
    END
), nearest AS MATERIALIZED (
    SELECT owner_id, post_id, cosine, nearness
    FROM cosines
    WHERE NOT (owner_id = of_owner_id AND post_id = of_post_id)
    ORDER BY nearness DESC, owner_id, post_id
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
ORDER BY nearest.nearness DESC, nearest.owner_id, nearest.post_id;
