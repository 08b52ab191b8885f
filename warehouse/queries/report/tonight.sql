-- One row per activity of the chosen posts: scored, outcome not known yet, and among the first by
-- reactions expected of a view (likes, comments, reposts, shares) or by the probability of a hide.
-- usual_rate is what the owner's posts got so far.
WITH scored AS (
    SELECT owner_id, post_id, activity, probability
    FROM predictions
    ANTI JOIN labels USING (owner_id, post_id)
    WHERE scored_at <= $as_of
    QUALIFY row_number() OVER (
        PARTITION BY owner_id, post_id, activity ORDER BY scored_at DESC, model_version DESC
    ) = 1
), chosen AS (
    SELECT
        owner_id, post_id,
        sum(probability) FILTER (activity IN ('like', 'comment', 'repost', 'share_to_message'))
            AS reactions,
        max(probability) FILTER (activity = 'hide') AS hide
    FROM scored
    JOIN posts USING (owner_id, post_id)
    WHERE published_at IS NULL OR (published_at >= $since AND published_at <= $as_of)
    GROUP BY owner_id, post_id
), ranked AS (
    SELECT
        owner_id, post_id,
        row_number() OVER (ORDER BY reactions DESC NULLS LAST, owner_id, post_id) AS promise_rank,
        row_number() OVER (ORDER BY hide DESC NULLS LAST, owner_id, post_id) AS risk_rank
    FROM chosen
), usual AS (
    SELECT owner_id, activity, sum("count") / sum(exposures) AS usual_rate
    FROM outcomes
    GROUP BY owner_id, activity
)
SELECT
    ranked.owner_id, ranked.post_id, posts.published_at, left(posts.text, 600) AS text,
    posts.image_hash, posts.source, activity, probability, usual_rate, promise_rank, risk_rank
FROM ranked
JOIN scored USING (owner_id, post_id)
JOIN posts USING (owner_id, post_id)
LEFT JOIN usual USING (owner_id, activity)
WHERE least(promise_rank, risk_rank) <= $limit
ORDER BY promise_rank, activity
