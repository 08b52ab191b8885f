-- Who the owners of posts are, where a source says so, and how many members they had when.
-- A row of owner_members is written when the number is another one than before.

CREATE TABLE owners (
    owner_id BIGINT NOT NULL,
    name VARCHAR,
    screen_name VARCHAR,
    members BIGINT,
    address VARCHAR,
    seen_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE owner_members (
    owner_id BIGINT NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    members BIGINT NOT NULL
);

-- VK tells some tokens reposts on walls apart from those in messages, others only their sum.

ALTER TABLE snapshots ADD COLUMN reposts_with_messages BOOLEAN;
