-- One row per incoming snapshot that is not there yet, or is there with other counts, with the
-- time it was observed. Without one of its own it is left out when the post's latest counts are
-- the same. A count that did not come this time stays as it is stored, and so does the kind of
-- reposts unless their number is another one. is_conflict: a stored count is given up for another.
WITH latest AS (
    SELECT * FROM snapshots SEMI JOIN incoming USING (owner_id, post_id)
    QUALIFY row_number() OVER (PARTITION BY owner_id, post_id ORDER BY observed_at DESC) = 1
), dated AS (
    SELECT incoming.* REPLACE (coalesce(incoming.observed_at, $seen_at::TIMESTAMPTZ) AS observed_at)
    FROM incoming
    LEFT JOIN latest USING (owner_id, post_id)
    WHERE incoming.observed_at IS NOT NULL
       OR latest.owner_id IS NULL
       OR (
           incoming.views, incoming.reach, incoming.likes, incoming.comments, incoming.reposts,
           incoming.shares_to_message, incoming.hides, incoming.expands, incoming.photo_opens,
           incoming.opens
       ) IS DISTINCT FROM (
           latest.views, latest.reach, latest.likes, latest.comments, latest.reposts,
           latest.shares_to_message, latest.hides, latest.expands, latest.photo_opens, latest.opens
       )
), merged AS (
    SELECT
        dated.* REPLACE (
            coalesce(dated.views, stored.views) AS views,
            coalesce(dated.reach, stored.reach) AS reach,
            coalesce(dated.likes, stored.likes) AS likes,
            coalesce(dated.comments, stored.comments) AS comments,
            coalesce(dated.reposts, stored.reposts) AS reposts,
            coalesce(dated.shares_to_message, stored.shares_to_message) AS shares_to_message,
            coalesce(dated.hides, stored.hides) AS hides,
            coalesce(dated.expands, stored.expands) AS expands,
            coalesce(dated.photo_opens, stored.photo_opens) AS photo_opens,
            coalesce(dated.opens, stored.opens) AS opens,
            if(
                dated.reposts IS NULL OR dated.reposts = stored.reposts,
                coalesce(dated.reposts_with_messages, stored.reposts_with_messages),
                dated.reposts_with_messages
            ) AS reposts_with_messages
        ),
        stored.owner_id IS NOT NULL AS is_correction,
        coalesce(
            dated.views <> stored.views OR dated.reach <> stored.reach
            OR dated.likes <> stored.likes OR dated.comments <> stored.comments
            OR dated.reposts <> stored.reposts OR dated.shares_to_message <> stored.shares_to_message
            OR dated.hides <> stored.hides OR dated.expands <> stored.expands
            OR dated.photo_opens <> stored.photo_opens OR dated.opens <> stored.opens,
            false
        ) AS is_conflict
    FROM dated
    LEFT JOIN snapshots AS stored USING (owner_id, post_id, observed_at)
)
SELECT merged.*
FROM merged
LEFT JOIN snapshots AS stored USING (owner_id, post_id, observed_at)
WHERE NOT is_correction
   OR (
       merged.views, merged.reach, merged.likes, merged.comments, merged.reposts,
       merged.shares_to_message, merged.hides, merged.expands, merged.photo_opens, merged.opens
   ) IS DISTINCT FROM (
       stored.views, stored.reach, stored.likes, stored.comments, stored.reposts,
       stored.shares_to_message, stored.hides, stored.expands, stored.photo_opens, stored.opens
   )
