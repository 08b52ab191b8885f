-- One row per mature snapshot, its counts brought to the stated age by what such counts still grow from
-- the age at which they were read. Without a date they are final, and stay as they are.
CREATE OR REPLACE VIEW grown_snapshots AS
SELECT
    mature_snapshots.* REPLACE (
        views * coalesce(views_growth, 1) AS views,
        reach * coalesce(views_growth, 1) AS reach,
        likes * coalesce(likes_growth, 1) AS likes,
        comments * coalesce(comments_growth, 1) AS comments,
        reposts * coalesce(reposts_growth, 1) AS reposts,
        shares_to_message * coalesce(shares_to_message_growth, 1) AS shares_to_message,
        hides * coalesce(hides_growth, 1) AS hides,
        expands * coalesce(expands_growth, 1) AS expands,
        photo_opens * coalesce(photo_opens_growth, 1) AS photo_opens,
        opens * coalesce(opens_growth, 1) AS opens
    )
FROM mature_snapshots
ASOF LEFT JOIN current_growth ON mature_snapshots.age_hours >= current_growth.age_hours;
