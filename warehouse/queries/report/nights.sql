-- One row per night of the last 30, oldest first: the moment it stood at, and what it noted. Of a
-- night that was run again the first run that did not fail counts: the others found nothing to do.
SELECT * FROM (
    SELECT
        coalesce(CAST(counts->>'as_of' AS TIMESTAMPTZ), started_at) AS night, status,
        epoch(finished_at - started_at) AS seconds, CAST(counts AS VARCHAR) AS counts
    FROM runs
    WHERE flow = 'nightly' AND finished_at IS NOT NULL
      AND coalesce(CAST(counts->>'as_of' AS TIMESTAMPTZ), started_at) <= $as_of
    QUALIFY row_number() OVER (PARTITION BY night ORDER BY status = 'failed', started_at) = 1
    ORDER BY night DESC
    LIMIT 30
)
ORDER BY night
