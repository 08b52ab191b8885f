-- One row per activity and one of the owner's last posts that were published by a moment and
-- predicted or judged since: what the champion, or the last model, said of it, else its rate.
WITH last_posts AS (
    SELECT owner_id, post_id
    FROM posts
    WHERE owner_id = $owner_id AND published_at < $as_of
    ORDER BY published_at DESC, post_id DESC
    LIMIT $limit
), predicted AS (
    FROM predictions
    SEMI JOIN last_posts USING (owner_id, post_id)
    WHERE scored_at <= $as_of
    QUALIFY row_number() OVER (
        PARTITION BY owner_id, post_id, activity
        ORDER BY (model_version = $model_version) DESC, scored_at DESC
    ) = 1
)
SELECT
    coalesce(predicted.post_id, known.post_id) AS post_id,
    coalesce(predicted.activity, known.activity) AS activity,
    coalesce(predicted.probability, known.rate) AS probability
FROM predicted
FULL JOIN (FROM outcomes SEMI JOIN last_posts USING (owner_id, post_id)) AS known
    ON known.post_id = predicted.post_id AND known.activity = predicted.activity
ORDER BY activity, post_id
