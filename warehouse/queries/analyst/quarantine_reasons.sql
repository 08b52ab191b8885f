-- One row per source and reason why rows were not believed.
SELECT source, reason, count(*) AS "rows", min(key) AS for_example, max(seen_at) AS last_seen_at
FROM quarantine
GROUP BY ALL
ORDER BY "rows" DESC;
