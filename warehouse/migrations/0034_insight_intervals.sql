-- Intervals that allow for the choice of what is told, and a placebo beside each effect. Advice of
-- before has neither: its intervals stand for themselves. The table is made anew, since DuckDB
-- commits no change of rows in a table that the same transaction has altered.
ALTER TABLE insights RENAME TO insights_before;
CREATE TABLE insights (
    as_of TIMESTAMPTZ NOT NULL,
    model_version VARCHAR NOT NULL,
    owner_id BIGINT,
    activity VARCHAR NOT NULL,
    lever VARCHAR NOT NULL,
    level VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,
    effect DOUBLE,
    low DOUBLE,
    high DOUBLE,
    adjusted_low DOUBLE,
    adjusted_high DOUBLE,
    p_value DOUBLE,
    q_value DOUBLE,
    placebo_effect DOUBLE,
    placebo_p_value DOUBLE,
    base_rate DOUBLE,
    n_posts BIGINT NOT NULL,
    n_owners BIGINT NOT NULL
);
INSERT INTO insights BY NAME
SELECT
    * EXCLUDE (model_effect),
    CASE WHEN verdict IN ('raises', 'lowers') THEN low END AS adjusted_low,
    CASE WHEN verdict IN ('raises', 'lowers') THEN high END AS adjusted_high
FROM insights_before;
DROP TABLE insights_before;
