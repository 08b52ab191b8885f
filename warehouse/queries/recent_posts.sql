-- One row per activity and one of the last posts of each owner that were published by a moment and
-- predicted or judged since: what the champion, or the last model, said of it, else its rate.
WITH last_posts AS (
    SELECT owner_id, post_id
    FROM posts
    WHERE list_contains($owner_ids, owner_id) AND published_at < $as_of
    QUALIFY row_number() OVER (
        PARTITION BY owner_id ORDER BY published_at DESC, post_id DESC
    ) <= $limit
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
    coalesce(predicted.owner_id, known.owner_id) AS owner_id,
    coalesce(predicted.post_id, known.post_id) AS post_id,
    coalesce(predicted.activity, known.activity) AS activity,
    coalesce(predicted.probability, known.rate) AS probability
FROM predicted
FULL JOIN (FROM outcomes SEMI JOIN last_posts USING (owner_id, post_id)) AS known
    ON known.owner_id = predicted.owner_id
        AND known.post_id = predicted.post_id
        AND known.activity = predicted.activity
ORDER BY owner_id, activity, post_id
