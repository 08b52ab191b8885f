-- One row per kept draft and activity whose post has appeared: the forecast of the draft beside what
-- the post got. The post is the most similar one of the owner between the forecast and two weeks
-- after the time the draft was meant for: the same text, or nearly (four in five of all words of both
-- are common to both), or, where neither has a text, the same picture.
CREATE OR REPLACE VIEW draft_outcomes AS
WITH pairs AS (
    SELECT
        drafts.draft_id, drafts.owner_id, posts.post_id, drafts.forecast_at, posts.published_at,
        drafts.text = '' AND posts.text = '' AS are_bare,
        coalesce(drafts.image_hash = posts.image_hash, false) AS show_the_same,
        drafts.text_hash = posts.text_hash AS say_the_same,
        regexp_extract_all(lower(drafts.text), '[\p{L}\p{N}]+') AS draft_words,
        regexp_extract_all(lower(posts.text), '[\p{L}\p{N}]+') AS post_words
    FROM drafts
    JOIN posts
        ON posts.owner_id = drafts.owner_id
        AND posts.published_at >= drafts.forecast_at - INTERVAL 1 HOUR
        AND posts.published_at <= drafts.publish_at + INTERVAL 14 DAY
), candidates AS (
    SELECT
        draft_id, owner_id, post_id, forecast_at, published_at,
        CASE
            WHEN are_bare THEN if(show_the_same, 1.0, 0.0)
            WHEN say_the_same THEN 1.0
            ELSE list_unique(list_intersect(draft_words, post_words))
                / greatest(list_unique(list_concat(draft_words, post_words)), 1)
        END AS similarity
    FROM pairs
), found AS (
    SELECT draft_id, owner_id, post_id, similarity, forecast_at, published_at
    FROM candidates
    WHERE similarity >= 0.8
    QUALIFY row_number() OVER (
        PARTITION BY draft_id ORDER BY similarity DESC, published_at, post_id
    ) = 1
)
SELECT
    found.draft_id, found.owner_id, found.post_id, draft_predictions.activity, found.similarity,
    draft_predictions.model_version, draft_predictions.probability, draft_predictions.low,
    draft_predictions.high, outcomes.rate, outcomes.exposures,
    outcomes.rate BETWEEN draft_predictions.low AND draft_predictions.high AS is_within,
    found.forecast_at, found.published_at
FROM found
JOIN draft_predictions USING (draft_id)
LEFT JOIN outcomes
    ON outcomes.owner_id = found.owner_id AND outcomes.post_id = found.post_id
    AND outcomes.activity = draft_predictions.activity;
