-- One row per draft, or post, and one of the other posts whose texts ({content}: text), or pictures
-- (image), are nearest to its own, of its own wall or of all others, the same number of both; only
-- posts that had appeared by a moment, as they were first seen.
-- Vectors without a direction are left out: DuckDB says -1 of them, as of opposites; and it sorts
-- what is no number above all numbers.
WITH found AS (
    SELECT
        given.number, given.owner_id, first_contents.owner_id = given.owner_id AS is_own,
        arg_max(
            struct_pack(owner_id := first_contents.owner_id, post_id := first_contents.post_id),
            list_cosine_similarity(embedding, given.vector), $limit
        ) AS nearest,
        max(list_cosine_similarity(embedding, given.vector), $limit) AS cosines
    FROM given
    JOIN {content}_embeddings ON len(embedding) = len(given.vector)
    JOIN first_contents USING ({content}_hash)
    WHERE encoder_id = $encoder_id
        AND (
            first_contents.owner_id <> given.owner_id
            OR first_contents.post_id IS DISTINCT FROM given.post_id
        )
        AND (published_at IS NULL OR published_at < $as_of)
        AND list_inner_product(embedding, embedding) BETWEEN 1e-30 AND 1e30
        AND list_inner_product(given.vector, given.vector) > 0
    GROUP BY given.number, given.owner_id, is_own
), listed AS MATERIALIZED (
    SELECT number, is_own, unnest(nearest, recursive := true), unnest(cosines) AS cosine
    FROM found
), got AS (
    SELECT owner_id, post_id, list(struct_pack(activity := activity, rate := rate)) AS rates
    FROM outcomes
    SEMI JOIN listed USING (owner_id, post_id)
    GROUP BY owner_id, post_id
)
SELECT
    listed.number, listed.is_own, listed.owner_id, owners.name AS owner_name, listed.post_id,
    first_contents.published_at, first_contents.text, first_contents.image_hash, listed.cosine,
    got.rates
FROM listed
JOIN first_contents USING (owner_id, post_id)
LEFT JOIN owners ON owners.owner_id = listed.owner_id
LEFT JOIN got ON got.owner_id = listed.owner_id AND got.post_id = listed.post_id
ORDER BY listed.number, listed.cosine DESC, listed.owner_id, listed.post_id
