-- No keys, no foreign keys, no fixed-size arrays: every write deletes and inserts inside one
-- transaction (see warehouse/writing.py), and lists hold vectors of any encoder.

CREATE TABLE constants (name VARCHAR NOT NULL, value VARCHAR NOT NULL);

CREATE TABLE posts (
    owner_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    published_at TIMESTAMPTZ,
    text VARCHAR NOT NULL,
    text_hash VARCHAR NOT NULL,
    image_hash VARCHAR,
    is_ad BOOLEAN,
    source VARCHAR NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE snapshots (
    owner_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    observed_at TIMESTAMPTZ NOT NULL,
    views BIGINT,
    reach BIGINT,
    likes BIGINT,
    comments BIGINT,
    reposts BIGINT,
    shares_to_message BIGINT,
    hides BIGINT,
    expands BIGINT,
    photo_opens BIGINT,
    opens BIGINT
);

CREATE TABLE text_statistics (
    text_hash VARCHAR NOT NULL,
    version INTEGER NOT NULL,
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

CREATE TABLE text_embeddings (
    text_hash VARCHAR NOT NULL,
    encoder_id VARCHAR NOT NULL,
    embedding FLOAT[] NOT NULL,
    n_tokens INTEGER NOT NULL,
    truncated BOOLEAN NOT NULL
);

CREATE TABLE images (
    image_hash VARCHAR NOT NULL,
    width INTEGER,
    height INTEGER,
    bytes BIGINT NOT NULL,
    status VARCHAR NOT NULL,
    error VARCHAR
);

CREATE TABLE image_embeddings (
    image_hash VARCHAR NOT NULL,
    encoder_id VARCHAR NOT NULL,
    embedding FLOAT[] NOT NULL
);

CREATE TABLE image_scores (
    image_hash VARCHAR NOT NULL,
    encoder_id VARCHAR NOT NULL,
    taxonomy VARCHAR NOT NULL,
    scores FLOAT[] NOT NULL
);

CREATE TABLE image_tags (
    image_hash VARCHAR NOT NULL,
    encoder_id VARCHAR NOT NULL,
    taxonomy VARCHAR NOT NULL,
    category VARCHAR NOT NULL,
    score FLOAT NOT NULL,
    rank INTEGER NOT NULL
);

CREATE TABLE category_embeddings (
    encoder_id VARCHAR NOT NULL,
    taxonomy VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    category VARCHAR NOT NULL,
    embedding FLOAT[] NOT NULL
);

CREATE TABLE models (
    model_version VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    status VARCHAR NOT NULL,
    trained_on_from TIMESTAMPTZ,
    trained_on_to TIMESTAMPTZ,
    n_posts BIGINT NOT NULL,
    manifest JSON NOT NULL
);

CREATE TABLE model_metrics (
    model_version VARCHAR NOT NULL,
    activity VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE
);

CREATE TABLE promotions (
    decided_at TIMESTAMPTZ NOT NULL,
    model_version VARCHAR NOT NULL,
    decision VARCHAR NOT NULL,
    reason VARCHAR NOT NULL
);

CREATE TABLE predictions (
    owner_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    activity VARCHAR NOT NULL,
    probability DOUBLE NOT NULL,
    model_version VARCHAR NOT NULL,
    scored_at TIMESTAMPTZ NOT NULL,
    run_id VARCHAR NOT NULL
);

CREATE TABLE runs (
    run_id VARCHAR NOT NULL,
    flow VARCHAR NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    status VARCHAR NOT NULL,
    counts JSON
);

CREATE TABLE watermarks (source VARCHAR NOT NULL, value VARCHAR NOT NULL);

CREATE TABLE quarantine (
    source VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    payload VARCHAR,
    seen_at TIMESTAMPTZ NOT NULL
);
