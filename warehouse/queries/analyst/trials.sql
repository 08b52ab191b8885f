-- One row per finished trial, beside what the newest advice says of the same wall, or else of all
-- owners: effect with its 95 % interval, and how many of its posts followed the arm drawn for them.
SELECT
    trials.trial_id, trials.owner_id, trials.lever, trials.level, trials.activity,
    round(100 * trials.effect, 1) AS effect_percent,
    round(100 * trials.low, 1) AS low_percent,
    round(100 * trials.high, 1) AS high_percent,
    trials.p_value, trials.n_posts, trials.n_followed,
    round(100 * insights.effect, 1) AS advised_percent, insights.verdict AS advice
FROM trials
LEFT JOIN insights
    ON insights.lever = trials.lever AND insights.level = trials.level
    AND insights.activity = trials.activity
    AND coalesce(insights.owner_id, trials.owner_id) = trials.owner_id
    AND insights.as_of = (SELECT max(as_of) FROM insights)
WHERE trials.status = 'finished'
QUALIFY row_number() OVER (
    PARTITION BY trials.trial_id ORDER BY insights.owner_id NULLS LAST
) = 1
ORDER BY trials.trial_id DESC
