-- Advice to authors: what a level of a lever changes in an activity, over all owners or for one.
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
    model_effect DOUBLE,
    p_value DOUBLE,
    q_value DOUBLE,
    base_rate DOUBLE,
    n_posts BIGINT NOT NULL,
    n_owners BIGINT NOT NULL
);
