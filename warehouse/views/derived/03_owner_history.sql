-- One row per dated post: what was known of its owner when it was published. A snapshot counts
-- from the moment it was both mature and observed; later ones of the same post correct it, so
-- the running sums are always those of the latest mature snapshots. Counts without chances tell
-- nothing of a rate and stay out. Of posts of the same second the lower id is the earlier one.
-- recent_…: what became known in the last 30 days; posts_Nd_count: the owner's posts, and
-- views_Nd_count: views that became known, in the last N days. A window is a running sum now less
-- the running sum then, found by ASOF joins: sorting is all the work, however long a window is.
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
running AS (
    SELECT
        owner_id, moment,
        sum(COLUMNS('_(count|chances)$')) OVER (PARTITION BY owner_id ORDER BY moment) AS '\0'
    FROM changes
),
dated AS (
    SELECT owner_id, post_id, published_at, text, image_hash
    FROM posts
    WHERE published_at IS NOT NULL
),
published AS (
    SELECT
        owner_id, published_at AS moment,
        count(*) OVER (PARTITION BY owner_id ORDER BY published_at) AS n
    FROM dated
),
pieces AS (
    SELECT
        dated.owner_id, post_id,
        COLUMNS('^(.*_(?:count|chances))$') AS '\1',
        COLUMNS('^(.*_(?:count|chances))$') AS 'recent_\1',
        views_count AS views_7d_count, views_count AS views_90d_count
    FROM dated
    ASOF JOIN running ON dated.owner_id = running.owner_id AND published_at >= moment
    UNION ALL BY NAME
    SELECT dated.owner_id, post_id, -COLUMNS('^(.*_(?:count|chances))$') AS 'recent_\1'
    FROM dated
    ASOF JOIN running
        ON dated.owner_id = running.owner_id AND published_at - INTERVAL 30 DAYS > moment
    UNION ALL BY NAME
    SELECT dated.owner_id, post_id, -views_count AS views_7d_count
    FROM dated
    ASOF JOIN running
        ON dated.owner_id = running.owner_id AND published_at - INTERVAL 7 DAYS > moment
    UNION ALL BY NAME
    SELECT dated.owner_id, post_id, -views_count AS views_90d_count
    FROM dated
    ASOF JOIN running
        ON dated.owner_id = running.owner_id AND published_at - INTERVAL 90 DAYS > moment
    UNION ALL BY NAME
    SELECT
        dated.owner_id, post_id,
        n AS posts_7d_count, n AS posts_30d_count, n AS posts_90d_count
    FROM dated
    ASOF JOIN published ON dated.owner_id = published.owner_id AND published_at > moment
    UNION ALL BY NAME
    SELECT dated.owner_id, post_id, -n AS posts_7d_count
    FROM dated
    ASOF JOIN published
        ON dated.owner_id = published.owner_id AND published_at - INTERVAL 7 DAYS > moment
    UNION ALL BY NAME
    SELECT dated.owner_id, post_id, -n AS posts_30d_count
    FROM dated
    ASOF JOIN published
        ON dated.owner_id = published.owner_id AND published_at - INTERVAL 30 DAYS > moment
    UNION ALL BY NAME
    SELECT dated.owner_id, post_id, -n AS posts_90d_count
    FROM dated
    ASOF JOIN published
        ON dated.owner_id = published.owner_id AND published_at - INTERVAL 90 DAYS > moment
    UNION ALL BY NAME
    SELECT owner_id, post_id FROM dated
),
known AS (
    SELECT
        owner_id, post_id,
        coalesce(sum(COLUMNS('_(count|chances)$')), 0)::BIGINT AS '\0'
    FROM pieces
    GROUP BY owner_id, post_id
),
habits AS (
    SELECT
        owner_id, post_id,
        date_diff('second', lag(published_at) OVER by_time, published_at) / 86400
            AS days_since_last_post,
        avg(ln(1 + length(text))) OVER before AS mean_log_length,
        avg((image_hash IS NOT NULL)::INTEGER) OVER before AS mean_has_image
    FROM dated
    WINDOW
        by_time AS (PARTITION BY owner_id ORDER BY published_at, post_id),
        before AS (
            PARTITION BY owner_id ORDER BY published_at, post_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
)
SELECT * FROM known JOIN habits USING (owner_id, post_id);
