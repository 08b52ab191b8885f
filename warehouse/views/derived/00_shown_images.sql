-- One row per post and picture that it shows, or showed before an edit.
CREATE OR REPLACE VIEW shown_images AS
SELECT owner_id, post_id, published_at, image_hash
FROM posts
WHERE image_hash IS NOT NULL
UNION
SELECT owner_id, post_id, posts.published_at, earlier_contents.image_hash
FROM earlier_contents
JOIN posts USING (owner_id, post_id)
WHERE earlier_contents.image_hash IS NOT NULL;
