-- One row per incoming snapshot that is not there yet, or is there with other counts, with the
-- time it was observed. Without one of its own it is left out when the post's latest counts are
-- the same.
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
)
SELECT dated.*, snapshots.owner_id IS NOT NULL AS is_correction
FROM dated
LEFT JOIN snapshots USING (owner_id, post_id, observed_at)
WHERE snapshots.owner_id IS NULL
   OR (
       dated.views, dated.reach, dated.likes, dated.comments, dated.reposts,
       dated.shares_to_message, dated.hides, dated.expands, dated.photo_opens, dated.opens
   ) IS DISTINCT FROM (
       snapshots.views, snapshots.reach, snapshots.likes, snapshots.comments, snapshots.reposts,
       snapshots.shares_to_message, snapshots.hides, snapshots.expands, snapshots.photo_opens,
       snapshots.opens
   )
