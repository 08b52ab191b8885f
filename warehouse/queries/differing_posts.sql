-- One row per incoming post that is new, or not what the warehouse holds. One of awaiting keeps the
-- picture that is stored, or goes on waiting for it. is_edit: it says something else than before,
-- which is not so if its picture has come, or if it is told only now whether it is an advert. What
-- comes twice in one run is no edit: the last was seen.
WITH completed AS (
    SELECT
        incoming.* REPLACE (
            if(awaiting.owner_id IS NULL, incoming.image_hash, posts.image_hash) AS image_hash
        ),
        awaiting.owner_id IS NOT NULL AND posts.image_hash IS NULL AS awaits_picture
    FROM incoming
    LEFT JOIN posts USING (owner_id, post_id)
    LEFT JOIN awaiting USING (owner_id, post_id)
), differing AS (
    SELECT
        completed.*,
        posts.first_seen_at,
        posts.edited_at,
        posts.owner_id IS NULL AS is_new,
        (posts.text_hash, posts.image_hash, posts.is_ad)
            IS DISTINCT FROM (completed.text_hash, completed.image_hash, completed.is_ad)
            AS says_other,
        posts.text_hash = completed.text_hash
            AND (posts.awaits_picture OR posts.image_hash IS NOT DISTINCT FROM completed.image_hash)
            AND (posts.is_ad IS NULL OR posts.is_ad IS NOT DISTINCT FROM completed.is_ad)
            AS says_more,
        coalesce(posts.edited_at, posts.first_seen_at) AS stored_at
    FROM completed
    LEFT JOIN posts USING (owner_id, post_id)
    WHERE posts.owner_id IS NULL
       OR says_other
       OR posts.published_at IS DISTINCT FROM completed.published_at
       OR posts.source IS DISTINCT FROM $source
)
SELECT
    * EXCLUDE (says_other, says_more, stored_at),
    NOT is_new AND says_other AND NOT coalesce(says_more, false) AND stored_at <> $seen_at
        AS is_edit
FROM differing
