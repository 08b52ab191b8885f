-- One row: the number of known outcomes of the selected posts, and a digest of all that they
-- and their posts say, whatever the order of the rows.
SELECT
    count(*),
    bit_xor(hash(
        owner_id, post_id, posts.published_at, posts.text_hash, posts.image_hash, posts.is_ad,
        activity, chances, "count"
    ))
FROM outcomes
SEMI JOIN selected_posts USING (owner_id, post_id)
JOIN posts USING (owner_id, post_id)
