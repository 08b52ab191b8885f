-- One row per trial that had begun by a moment, as it stood then, newest first; with the posts of it
-- that had appeared, and the newest of them.
WITH seen AS (
    SELECT
        trial_id, count(DISTINCT number)::INTEGER AS n_seen, max(published_at) AS last_post_at
    FROM trial_posts
    JOIN posts USING (owner_id, post_id)
    WHERE published_at <= $as_of
    GROUP BY trial_id
), standing AS (
    SELECT
        *,
        status = 'finished' AND evaluated_at <= $as_of AS is_finished,
        status = 'stopped' AND stopped_at <= $as_of AS is_stopped
    FROM trials
    WHERE started_at <= $as_of
)
SELECT
    standing.* EXCLUDE (is_finished, is_stopped, effect, low, high, p_value, n_judged)
        REPLACE (
            CASE WHEN is_finished THEN 'finished' WHEN is_stopped THEN 'stopped' ELSE 'running' END
                AS status
        ),
    if(is_finished, effect, NULL) AS effect, if(is_finished, low, NULL) AS low,
    if(is_finished, high, NULL) AS high, if(is_finished, p_value, NULL) AS p_value,
    if(is_finished, n_judged, NULL) AS n_judged,
    coalesce(seen.n_seen, 0) AS n_seen, seen.last_post_at
FROM standing
LEFT JOIN seen USING (trial_id)
ORDER BY trial_id DESC
