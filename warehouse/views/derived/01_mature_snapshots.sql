-- One row per snapshot whose counts are final, as known at the variable as_of (unset: now).
-- A post without a date comes from a finished data set: its counts are final at once.
CREATE OR REPLACE VIEW mature_snapshots AS
SELECT posts.published_at, snapshots.*
FROM snapshots
JOIN posts USING (owner_id, post_id)
WHERE snapshots.observed_at <= coalesce(getvariable('as_of'), 'infinity'::TIMESTAMPTZ)
  AND (
    posts.published_at IS NULL
    OR snapshots.observed_at >= posts.published_at + to_hours(
        (SELECT value::INTEGER FROM constants WHERE name = 'label_maturity_hours')
    )
  );
