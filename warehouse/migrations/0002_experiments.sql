-- Results of experiments (one row per experiment, variant and activity; the activity all is the
-- mean), and how far features and predictions have moved since training.

CREATE TABLE experiments (
    experiment_id VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    variant VARCHAR NOT NULL,
    activity VARCHAR NOT NULL,
    log_loss DOUBLE NOT NULL,
    gain_over_global DOUBLE NOT NULL,
    gain_over_owner DOUBLE NOT NULL,
    low DOUBLE NOT NULL,
    high DOUBLE NOT NULL,
    oracle_share DOUBLE,
    fit_seconds DOUBLE NOT NULL,
    predict_seconds DOUBLE NOT NULL,
    peak_mb DOUBLE NOT NULL
);

CREATE TABLE drift (
    model_version VARCHAR NOT NULL,
    measured_at TIMESTAMPTZ NOT NULL,
    kind VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    stability_index DOUBLE NOT NULL
);

CREATE TABLE backtests (
    backtest_id VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    night TIMESTAMPTZ NOT NULL,
    activity VARCHAR NOT NULL,
    posts BIGINT NOT NULL,
    log_loss DOUBLE NOT NULL,
    gain_over_global DOUBLE NOT NULL,
    gain_over_owner DOUBLE NOT NULL,
    low DOUBLE NOT NULL,
    high DOUBLE NOT NULL,
    oracle_share DOUBLE
);
