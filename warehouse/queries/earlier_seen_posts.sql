-- Posts of which versions are earlier than what was stored of them: it was an edit.
UPDATE posts SET
    edited_at = coalesce(posts.edited_at, posts.first_seen_at),
    first_seen_at = least(posts.first_seen_at, versions.seen_at)
FROM versions
WHERE versions.owner_id = posts.owner_id AND versions.post_id = posts.post_id;
