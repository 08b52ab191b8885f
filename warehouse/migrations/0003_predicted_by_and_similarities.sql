-- Who made a prediction: the model, or the owner's rate where an activity has no model. And how
-- well the text of a post names what its picture shows, by the text tower of the tagger.

ALTER TABLE predictions ADD COLUMN predicted_by VARCHAR DEFAULT 'model';

CREATE TABLE text_image_similarities (
    text_hash VARCHAR NOT NULL,
    image_hash VARCHAR NOT NULL,
    encoder_id VARCHAR NOT NULL,
    similarity FLOAT NOT NULL
);
