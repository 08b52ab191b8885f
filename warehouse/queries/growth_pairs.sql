-- One row per count, step of the age at one snapshot and at the post's next one: sums of what was
-- counted at both, each post weighing 1 / (typical count + what it had before), and none growing to
-- more than three times as much, beyond a few: one that goes viral late is no rule. Steps are parts
-- of a doubling of the age, from one day on.
WITH aged AS (
    SELECT
        owner_id, post_id, observed_at,
        floor(
            $steps_per_doubling * log2((epoch_us(observed_at) - epoch_us(published_at)) / 86.4e9)
        )::INTEGER AS step,
        views, likes, comments, reposts, shares_to_message, hides, expands, photo_opens, opens
    FROM snapshots
    JOIN posts USING (owner_id, post_id)
    WHERE observed_at >= published_at + INTERVAL 1 DAY
      AND observed_at > $since AND observed_at <= $until
), long AS (
    UNPIVOT aged
    ON views, likes, comments, reposts, shares_to_message, hides, expands, photo_opens, opens
    INTO NAME name VALUE counted
), pairs AS (
    SELECT
        name, step AS step_after, counted AS after,
        lag(step) OVER post AS step_before,
        lag(counted) OVER post AS before
    FROM long
    WINDOW post AS (PARTITION BY owner_id, post_id, name ORDER BY observed_at)
)
SELECT
    name, step_before, step_after,
    sum(before / ($typical_count + before)) AS before,
    sum(least(after, 3 * before + $typical_count) / ($typical_count + before)) AS after
FROM pairs
WHERE step_before < step_after
GROUP BY name, step_before, step_after
ORDER BY name, step_before, step_after
