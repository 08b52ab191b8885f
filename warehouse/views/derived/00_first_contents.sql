-- One row per post as it was when it was first seen: what is learnt from, and judged by. An edit may
-- tell how a post did ("the giveaway is over"), which nobody knew when it appeared.
CREATE OR REPLACE VIEW first_contents AS
WITH firsts AS (
    FROM earlier_contents
    QUALIFY row_number() OVER (PARTITION BY owner_id, post_id ORDER BY seen_at) = 1
)
SELECT
    posts.owner_id, posts.post_id, posts.published_at, posts.source,
    coalesce(firsts.text, posts.text) AS text,
    coalesce(firsts.text_hash, posts.text_hash) AS text_hash,
    if(firsts.owner_id IS NULL, posts.image_hash, firsts.image_hash) AS image_hash,
    if(firsts.owner_id IS NULL, posts.is_ad, firsts.is_ad) AS is_ad
FROM posts
LEFT JOIN firsts USING (owner_id, post_id);
