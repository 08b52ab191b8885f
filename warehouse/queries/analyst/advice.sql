-- One row per evident effect of the newest advice: what it raises or lowers, by how much
-- beside posts without it, with an interval that allows for the choice of what is evident. owner_id is NULL over all owners. Strongest first.
SELECT
    owner_id, activity, lever, level, verdict,
    round(100 * effect, 1) AS effect_percent,
    round(100 * adjusted_low, 1) AS low_percent,
    round(100 * adjusted_high, 1) AS high_percent,
    base_rate, n_posts, n_owners
FROM insights
WHERE as_of = (SELECT max(as_of) FROM insights) AND verdict IN ('raises', 'lowers')
ORDER BY owner_id NULLS FIRST, activity, abs(effect) DESC, lever, level
