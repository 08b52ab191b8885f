-- Trials of levers on one wall, what was drawn when they began, and the posts that came.

CREATE TABLE trials (
    trial_id INTEGER NOT NULL,
    owner_id BIGINT NOT NULL,
    lever VARCHAR NOT NULL,
    level VARCHAR NOT NULL,
    activity VARCHAR NOT NULL,
    unit VARCHAR NOT NULL,
    n_units INTEGER NOT NULL,
    first_day DATE,
    time_zone VARCHAR NOT NULL,
    planned_effect DOUBLE NOT NULL,
    power DOUBLE NOT NULL,
    base_rate DOUBLE NOT NULL,
    variance DOUBLE NOT NULL,
    spread DOUBLE NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    status VARCHAR NOT NULL,
    stopped_at TIMESTAMPTZ,
    evaluated_at TIMESTAMPTZ,
    effect DOUBLE,
    low DOUBLE,
    high DOUBLE,
    p_value DOUBLE,
    n_judged INTEGER,
    n_posts INTEGER NOT NULL,
    n_followed INTEGER NOT NULL
);

CREATE TABLE trial_units (
    trial_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    block INTEGER NOT NULL,
    day DATE,
    arm VARCHAR NOT NULL
);

CREATE TABLE trial_posts (
    trial_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    owner_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    arm VARCHAR NOT NULL,
    has_it BOOLEAN NOT NULL
);
