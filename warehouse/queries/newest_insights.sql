-- One row per activity, owner (NULL: all of them), lever and level: the newest advice by a moment.
SELECT *
FROM insights
WHERE as_of = (SELECT max(as_of) FROM insights WHERE as_of <= $as_of)
ORDER BY owner_id NULLS FIRST, activity, lever, level
