-- One row per dated post: what was known of its owner when it was published. A snapshot counts
-- from the moment it was both mature and observed; later ones of the same post correct it, so
-- the running sums are always those of the latest mature snapshots. Counts without chances tell
-- nothing of a rate and stay out. Of posts of the same second the lower id is the earlier one.
-- One pass, no self join.
CREATE OR REPLACE VIEW owner_history AS
WITH counted AS (
    SELECT
        owner_id, post_id, observed_at,
        1 AS posts_count,
        coalesce(views, 0) AS views_count,
        if(likes IS NULL OR views IS NULL, 0, least(likes, views)) AS like_count,
        if(likes IS NULL, 0, coalesce(views, 0)) AS like_chances,
        if(comments IS NULL OR views IS NULL, 0, least(comments, views)) AS comment_count,
        if(comments IS NULL, 0, coalesce(views, 0)) AS comment_chances,
        if(reposts IS NULL OR views IS NULL, 0, least(reposts, views)) AS repost_count,
        if(reposts IS NULL, 0, coalesce(views, 0)) AS repost_chances,
        if(shares_to_message IS NULL OR views IS NULL, 0, least(shares_to_message, views))
            AS share_to_message_count,
        if(shares_to_message IS NULL, 0, coalesce(views, 0)) AS share_to_message_chances,
        if(hides IS NULL OR coalesce(reach, views) IS NULL, 0, least(hides, coalesce(reach, views)))
            AS hide_count,
        if(hides IS NULL, 0, coalesce(reach, views, 0)) AS hide_chances,
        if(expands IS NULL OR views IS NULL, 0, least(expands, views)) AS expand_count,
        if(expands IS NULL, 0, coalesce(views, 0)) AS expand_chances,
        if(photo_opens IS NULL OR views IS NULL, 0, least(photo_opens, views)) AS open_photo_count,
        if(photo_opens IS NULL, 0, coalesce(views, 0)) AS open_photo_chances,
        if(opens IS NULL OR views IS NULL, 0, least(opens, views)) AS open_count,
        if(opens IS NULL, 0, coalesce(views, 0)) AS open_chances
    FROM mature_snapshots
    WHERE published_at IS NOT NULL
),
changes AS (
    SELECT
        owner_id, observed_at AS moment,
        COLUMNS('_(count|chances)$') - coalesce(
            lag(COLUMNS('_(count|chances)$')) OVER (
                PARTITION BY owner_id, post_id ORDER BY observed_at
            ), 0
        ) AS '\0'
    FROM counted
),
moments AS (
    SELECT *, NULL::BIGINT AS post_id, false AS is_post FROM changes
    UNION ALL BY NAME
    SELECT owner_id, post_id, published_at AS moment, true AS is_post
    FROM posts
    WHERE published_at IS NOT NULL
),
known AS (
    SELECT
        owner_id, post_id, moment, is_post,
        coalesce(sum(COLUMNS('_(count|chances)$')) OVER so_far, 0)::BIGINT AS '\0',
        max(if(is_post, moment, NULL)) OVER (
            PARTITION BY owner_id ORDER BY moment, is_post, post_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS previous_published_at
    FROM moments
    WINDOW so_far AS (PARTITION BY owner_id ORDER BY moment, is_post)
)
SELECT
    * EXCLUDE (is_post, moment, previous_published_at),
    date_diff('second', previous_published_at, moment) / 86400 AS days_since_last_post
FROM known
WHERE is_post;
