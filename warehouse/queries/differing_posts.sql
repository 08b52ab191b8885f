-- One row per incoming post that is new, or not what the warehouse holds. One of awaiting keeps the
-- picture that is stored, or goes on waiting for it. moment: when it was seen to say this. is_edit: it
-- says something else than before, which is not so if its picture has come, or if it is told only now
-- whether it is an advert. What comes twice of one moment in one run is no edit: the last was seen.
-- is_late: it said so before what is stored, and is not known to. What comes with the moment of an
-- earlier version, and says something else, was edited since: it counts from this run.
WITH completed AS (
    SELECT
        incoming.* REPLACE (
            if(awaiting.owner_id IS NULL, incoming.image_hash, posts.image_hash) AS image_hash
        ),
        awaiting.owner_id IS NOT NULL AND posts.image_hash IS NULL AS awaits_picture,
        least(coalesce(moments.seen_at, $seen_at), $seen_at) AS moment
    FROM incoming
    LEFT JOIN posts USING (owner_id, post_id)
    LEFT JOIN awaiting USING (owner_id, post_id)
    LEFT JOIN moments USING (owner_id, post_id)
), differing AS (
    SELECT
        completed.*,
        posts.first_seen_at,
        posts.edited_at,
        posts.owner_id IS NULL AS is_new,
        (posts.text_hash, posts.image_hash, posts.is_ad)
            IS DISTINCT FROM (completed.text_hash, completed.image_hash, completed.is_ad)
            AS is_other,
        NOT is_new AND is_other AND NOT coalesce(
            posts.text_hash = completed.text_hash
            AND (posts.awaits_picture OR posts.image_hash IS NOT DISTINCT FROM completed.image_hash)
            AND (posts.is_ad IS NULL OR posts.is_ad IS NOT DISTINCT FROM completed.is_ad),
            false
        ) AS says_other,
        coalesce(posts.edited_at, posts.first_seen_at) AS stored_at,
        posts.updated_at = $seen_at AS is_of_this_run,
        earlier.seen_at IS NOT DISTINCT FROM completed.moment AS has_version,
        earlier.owner_id IS NOT NULL AND (earlier.text_hash, earlier.image_hash, earlier.is_ad)
            IS NOT DISTINCT FROM (completed.text_hash, completed.image_hash, completed.is_ad)
            AND completed.moment < stored_at AS is_known
    FROM completed
    LEFT JOIN posts USING (owner_id, post_id)
    ASOF LEFT JOIN earlier_contents AS earlier
        ON earlier.owner_id = completed.owner_id AND earlier.post_id = completed.post_id
        AND completed.moment >= earlier.seen_at
    WHERE posts.owner_id IS NULL
       OR is_other
       OR posts.published_at IS DISTINCT FROM completed.published_at
       OR posts.source IS DISTINCT FROM $source
), parted AS (
    SELECT *, says_other AND moment < stored_at AND NOT has_version AS is_late
    FROM differing
    WHERE NOT (says_other AND is_known)
)
SELECT
    * EXCLUDE (is_other, says_other, stored_at, is_of_this_run, has_version, is_known) REPLACE (
        if(says_other AND NOT is_late AND moment <= stored_at, $seen_at, moment) AS moment
    ),
    says_other AND NOT is_late AND NOT (moment = stored_at AND is_of_this_run) AS is_edit
FROM parted
