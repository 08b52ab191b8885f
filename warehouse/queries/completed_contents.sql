-- One row per earlier version to store, of the posts in differing: what an edit replaces now, and
-- versions whose picture has come at last, or of which it is told now whether they are adverts. What
-- came for another version stands in for a picture until its own comes.
WITH waited AS (
    SELECT
        differing.*, coalesce(posts.awaits_picture AND differing.image_hash IS NOT NULL, false)
            AS has_come
    FROM differing
    JOIN posts USING (owner_id, post_id)
), versions AS (
    FROM earlier_contents
    UNION ALL BY NAME
    SELECT
        posts.owner_id, posts.post_id, coalesce(posts.edited_at, posts.first_seen_at) AS seen_at,
        posts.text, posts.text_hash, posts.image_hash, posts.is_ad, posts.awaits_picture
    FROM posts
    SEMI JOIN (FROM differing WHERE change = 'edit') AS edited USING (owner_id, post_id)
    ANTI JOIN earlier_contents AS kept
        ON kept.owner_id = posts.owner_id AND kept.post_id = posts.post_id
        AND kept.seen_at = coalesce(posts.edited_at, posts.first_seen_at)
)
SELECT
    versions.* REPLACE (
        if(
            has_come AND versions.awaits_picture, coalesce(versions.image_hash, waited.image_hash),
            versions.image_hash
        ) AS image_hash,
        coalesce(versions.is_ad, waited.is_ad) AS is_ad
    )
FROM versions
JOIN waited USING (owner_id, post_id)
