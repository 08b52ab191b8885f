-- One row per post: the ones most likely to get this activity from a view, best first.
SELECT
    owner_id, post_id, posts.published_at, left(posts.text, 80) AS text_start, probability
FROM latest_predictions
JOIN posts USING (owner_id, post_id)
WHERE activity = $activity
ORDER BY probability DESC, owner_id, post_id
LIMIT $limit
