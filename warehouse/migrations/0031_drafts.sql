-- Drafts that somebody wanted kept, and what was forecast of them, to be judged once they are posts.

CREATE TABLE drafts (
    draft_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    owner_id BIGINT NOT NULL,
    forecast_at TIMESTAMPTZ NOT NULL,
    publish_at TIMESTAMPTZ NOT NULL,
    text VARCHAR NOT NULL,
    text_hash VARCHAR NOT NULL,
    image_hash VARCHAR,
    is_ad BOOLEAN
);

CREATE TABLE draft_predictions (
    draft_id VARCHAR NOT NULL,
    activity VARCHAR NOT NULL,
    probability DOUBLE NOT NULL,
    low DOUBLE,
    high DOUBLE,
    usual_rate DOUBLE NOT NULL,
    model_version VARCHAR NOT NULL,
    predicted_by VARCHAR NOT NULL
);
