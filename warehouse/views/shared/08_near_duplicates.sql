-- One row per post whose text, or whose picture, other posts have as well, and what it got at the
-- stated age; a post may be there for both. Texts are the same where their letters and digits are:
-- case, punctuation, emoji, entities, line breaks and links do not count, and a text of nothing else
-- is the same as no other one. Only hashes are compared, so it takes as long as reading all texts once.
CREATE OR REPLACE VIEW near_duplicates AS
WITH hashed AS MATERIALIZED (
    SELECT
        owner_id, post_id, published_at, image_hash,
        md5(
            lower(
                regexp_replace(
                    text, '(?i)<br\s*/?>|&#?\w{1,10};|https?://[^\s<>|"]+|[^\p{L}\p{N}]', '', 'g'
                )
            )
        ) AS words_hash
    FROM posts
), contents AS (
    -- What has no hash joins nothing. No filter says so: DuckDB would push it down to the texts, and
    -- read every one twice.
    SELECT
        owner_id, post_id, published_at,
        unnest([
            {'kind': 'text', 'content_hash': nullif(words_hash, md5(''))},
            {'kind': 'picture', 'content_hash': image_hash}
        ], recursive := true)
    FROM hashed
), repeated AS (
    SELECT kind, content_hash, count(*) AS n_posts, count(DISTINCT owner_id) AS n_owners
    FROM contents
    GROUP BY kind, content_hash
    HAVING count(*) > 1
), found AS MATERIALIZED (
    SELECT
        contents.*, n_posts, n_owners,
        row_number() OVER (
            PARTITION BY kind, content_hash ORDER BY published_at NULLS LAST, owner_id, post_id
        ) AS appearance
    FROM contents
    JOIN repeated USING (kind, content_hash)
)
SELECT
    kind, content_hash, appearance, n_posts, n_owners, owner_id, post_id, published_at,
    outcomes_wide.* EXCLUDE (owner_id, post_id)
FROM found
LEFT JOIN outcomes_wide USING (owner_id, post_id);
