-- Posts that said something before what is stored of them: that was an edit. Versions that began earlier
-- than was known are taken away, to be stored anew.
UPDATE posts SET
    edited_at = coalesce(posts.edited_at, posts.first_seen_at),
    first_seen_at = least(posts.first_seen_at, late.moment)
FROM late
WHERE late.owner_id = posts.owner_id AND late.post_id = posts.post_id;

DELETE FROM earlier_contents USING late
WHERE late.owner_id = earlier_contents.owner_id AND late.post_id = earlier_contents.post_id
  AND late.replaces = earlier_contents.seen_at;
