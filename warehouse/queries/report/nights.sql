-- One row per nightly run of the last 30, oldest first: the moment it stood at, and what it noted.
SELECT * FROM (
    SELECT
        coalesce(CAST(counts->>'as_of' AS TIMESTAMPTZ), started_at) AS night, status,
        epoch(finished_at - started_at) AS seconds, CAST(counts AS VARCHAR) AS counts
    FROM runs
    WHERE flow = 'nightly' AND finished_at IS NOT NULL
      AND coalesce(CAST(counts->>'as_of' AS TIMESTAMPTZ), started_at) <= $as_of
    ORDER BY night DESC, started_at DESC
    LIMIT 30
)
ORDER BY night, counts
