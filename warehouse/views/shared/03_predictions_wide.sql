-- One row per scored post: the latest probability of each activity side by side.
CREATE OR REPLACE VIEW predictions_wide AS
SELECT
    owner_id, post_id,
    any_value(owners.name) AS owner_name,
    any_value(posts.published_at) AS published_at,
    any_value(left(posts.text, 100)) AS text_start,
    max(probability) FILTER (activity = 'like') AS p_like,
    max(probability) FILTER (activity = 'comment') AS p_comment,
    max(probability) FILTER (activity = 'repost') AS p_repost,
    max(probability) FILTER (activity = 'share_to_message') AS p_share_to_message,
    max(probability) FILTER (activity = 'hide') AS p_hide,
    max(probability) FILTER (activity = 'expand') AS p_expand,
    max(probability) FILTER (activity = 'open_photo') AS p_open_photo,
    max(probability) FILTER (activity = 'open') AS p_open,
    max(latest_predictions.model_version) AS model_version,
    max(scored_at) AS scored_at
FROM latest_predictions
JOIN posts USING (owner_id, post_id)
LEFT JOIN owners USING (owner_id)
GROUP BY owner_id, post_id;
