-- What a post said before it was edited. What it says now is in posts, since edited_at; NULL: it was
-- not edited since it was first seen, as all that are stored so far count.

ALTER TABLE posts ADD COLUMN edited_at TIMESTAMPTZ;
ALTER TABLE posts ADD COLUMN awaits_picture BOOLEAN;

CREATE TABLE earlier_contents (
    owner_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    text VARCHAR NOT NULL,
    text_hash VARCHAR NOT NULL,
    image_hash VARCHAR,
    is_ad BOOLEAN,
    awaits_picture BOOLEAN
);

-- Pictures that could not be downloaded yet, or all of them, if they have been switched off so far.

UPDATE posts SET awaits_picture = true
WHERE image_hash IS NULL AND (
    NOT EXISTS (FROM images)
    OR format('{}_{} picture', owner_id, post_id) IN (SELECT key FROM quarantine)
);
