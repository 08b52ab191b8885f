-- One row per snapshot nothing needs any more: of a post published before the cutoff, neither its
-- first nor its latest mature one, nor the first or the newest of all. The first of all says since
-- when the post was watched: without it a mature one would count as backfilled.
WITH placed AS (
    SELECT
        owner_id, post_id, observed_at, published_at, is_mature,
        row_number() OVER (kind ORDER BY observed_at) AS from_first,
        row_number() OVER (kind ORDER BY observed_at DESC) AS from_latest,
        row_number() OVER (PARTITION BY owner_id, post_id ORDER BY observed_at) AS from_oldest,
        row_number() OVER (PARTITION BY owner_id, post_id ORDER BY observed_at DESC) AS from_newest
    FROM (
        SELECT
            snapshots.owner_id, snapshots.post_id, observed_at, published_at,
            observed_at >= published_at + to_hours((
                SELECT value::INTEGER FROM constants WHERE name = 'label_maturity_hours'
            )) AS is_mature
        FROM snapshots JOIN posts USING (owner_id, post_id)
    )
    WINDOW kind AS (PARTITION BY owner_id, post_id, is_mature)
)
SELECT owner_id, post_id, observed_at
FROM placed
WHERE published_at < $cutoff AND from_oldest > 1 AND from_newest > 1
  AND NOT (is_mature AND (from_first = 1 OR from_latest = 1))
