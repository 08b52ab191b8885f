-- One row per snapshot whose counts are final, as known at the variable as_of (unset: now).
-- A post without a date comes from a finished data set: its counts are final at once.
-- known_at is when its counts became known, which decides what a later post's history holds. A post
-- that was first seen when it was already mature, as by the first crawl of a wall, is_backfilled:
-- somebody who had watched it would have known its first counts at publication + maturity. They have
-- grown since: whatever is made of counts brings them to one age first, by age_hours.
CREATE OR REPLACE VIEW mature_snapshots AS
WITH dated AS (
    SELECT
        posts.published_at, snapshots.*,
        posts.published_at + to_hours(
            (SELECT value::INTEGER FROM constants WHERE name = 'label_maturity_hours')
        ) AS mature_at,
        min(observed_at) OVER (PARTITION BY owner_id, post_id) AS first_observed_at
    FROM snapshots
    JOIN posts USING (owner_id, post_id)
), known AS (
    SELECT
        * EXCLUDE (mature_at, first_observed_at),
        coalesce(first_observed_at > mature_at AND observed_at = first_observed_at, false)
            AS is_backfilled,
        if(is_backfilled, mature_at, observed_at) AS known_at,
        -- Not epoch(observed_at - published_at): a difference of times in a calendar takes 500 times as long.
        (epoch_us(observed_at) - epoch_us(published_at)) / 3.6e9 AS age_hours
    FROM dated
    WHERE mature_at IS NULL OR observed_at >= mature_at
)
SELECT * FROM known
WHERE known_at <= coalesce(getvariable('as_of'), 'infinity'::TIMESTAMPTZ);
