-- One row per age: the factors that hold at the variable as_of (unset: now). age_hours is the age
-- from which on the row holds, until the next one's.
CREATE OR REPLACE VIEW current_growth AS
FROM growth
WHERE estimated_at = (
    SELECT max(estimated_at) FROM growth
    WHERE estimated_at <= coalesce(getvariable('as_of'), 'infinity'::TIMESTAMPTZ)
);
