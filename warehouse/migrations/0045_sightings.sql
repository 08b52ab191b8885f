-- Every moment at which a post was seen, and what was told of it then: earlier_contents and posts follow
-- from these alone, in whatever order they are told. Posts that a single run told of, and no moment, need
-- none; nor do those that are stored so far, unless they were edited.

CREATE TABLE sightings (
    owner_id BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    is_dated BOOLEAN NOT NULL,
    published_at TIMESTAMPTZ,
    text_hash VARCHAR NOT NULL,
    image_hash VARCHAR,
    is_ad BOOLEAN,
    awaits_picture BOOLEAN NOT NULL
);

INSERT INTO sightings BY NAME
SELECT
    owner_id, post_id, seen_at, false AS is_dated, posts.published_at, contents.text_hash,
    contents.image_hash, contents.is_ad, coalesce(contents.awaits_picture, false) AS awaits_picture
FROM (
    FROM earlier_contents
    UNION ALL BY NAME
    SELECT
        owner_id, post_id, coalesce(edited_at, first_seen_at) AS seen_at, text_hash, image_hash, is_ad,
        awaits_picture
    FROM posts
    SEMI JOIN earlier_contents USING (owner_id, post_id)
) AS contents
JOIN posts USING (owner_id, post_id);
