-- One row per labelled post: the rate of each activity side by side, at the stated age.
CREATE OR REPLACE VIEW outcomes_wide AS
SELECT
    owner_id, post_id,
    max(exposures) FILTER (activity <> 'hide') AS views,
    max(rate) FILTER (activity = 'like') AS like_rate,
    max(rate) FILTER (activity = 'comment') AS comment_rate,
    max(rate) FILTER (activity = 'repost') AS repost_rate,
    max(rate) FILTER (activity = 'share_to_message') AS share_to_message_rate,
    max(rate) FILTER (activity = 'hide') AS hide_rate,
    max(rate) FILTER (activity = 'expand') AS expand_rate,
    max(rate) FILTER (activity = 'open_photo') AS open_photo_rate,
    max(rate) FILTER (activity = 'open') AS open_rate
FROM outcomes
GROUP BY owner_id, post_id;
