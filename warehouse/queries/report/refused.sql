-- One row per reason rows were put aside for in the last day, the most frequent first.
SELECT source, reason, count(*) AS "rows"
FROM quarantine
WHERE seen_at > $as_of - INTERVAL 1 DAY AND seen_at <= $as_of
GROUP BY source, reason
ORDER BY "rows" DESC, reason
LIMIT 20
