-- One row per estimate and age: what brings a count that was read at this age to that of the stated
-- age. The newest estimate holds; the one of 1970 is what is believed before there is any.
CREATE TABLE growth (
    estimated_at TIMESTAMPTZ NOT NULL,
    age_hours DOUBLE NOT NULL,
    views_growth DOUBLE NOT NULL,
    likes_growth DOUBLE NOT NULL,
    comments_growth DOUBLE NOT NULL,
    reposts_growth DOUBLE NOT NULL,
    shares_to_message_growth DOUBLE NOT NULL,
    hides_growth DOUBLE NOT NULL,
    expands_growth DOUBLE NOT NULL,
    photo_opens_growth DOUBLE NOT NULL,
    opens_growth DOUBLE NOT NULL
);
