-- One row per moment at which an incoming post was seen so far, and what was told of it then. A post
-- without sightings was seen once, by the run that stored it, as it is. is_stored: it is in sightings.
WITH stored AS (
    SELECT *, true AS is_stored FROM sightings SEMI JOIN incoming USING (owner_id, post_id)
)
FROM stored
UNION ALL BY NAME
SELECT
    owner_id, post_id, coalesce(edited_at, first_seen_at) AS seen_at, false AS is_dated, published_at,
    text_hash, image_hash, is_ad, coalesce(awaits_picture, false) AS awaits_picture, false AS is_stored
FROM posts
SEMI JOIN incoming USING (owner_id, post_id)
ANTI JOIN stored USING (owner_id, post_id)
