-- One row per kept draft and activity whose post has appeared: the forecast of the draft beside what
-- the post got. The post is the most similar one of the owner between the forecast and two weeks
-- after the time the draft was meant for: the same text, or nearly (four in five of all words of both
-- are common to both), or, where neither has a text, the same picture. Of drafts that were forecast
-- together a post judges only the one it is most like: the others are versions that were not chosen.
CREATE OR REPLACE VIEW draft_outcomes AS
WITH pairs AS (
    SELECT
        drafts.draft_id, drafts.owner_id, posts.post_id, drafts.forecast_at, posts.published_at,
        drafts.text = '' AND posts.text = '' AS are_bare,
        drafts.image_hash IS NOT DISTINCT FROM posts.image_hash AS show_the_same,
        (drafts.image_hash IS NULL) = (posts.image_hash IS NULL) AS show_alike,
        drafts.text_hash = posts.text_hash AS say_the_same,
        abs(epoch(drafts.publish_at) - epoch(posts.published_at)) AS seconds_off,
        -- What a person writes as " may be stored as &quot;, and a line feed as <br>.
        list_transform(
            [drafts.text, posts.text],
            lambda said: regexp_extract_all(
                lower(regexp_replace(said, '(?i)<br\s*/?>|&#?\w{1,10};', ' ', 'g')),
                '[\p{L}\p{N}]+'
            )
        ) AS words
    FROM drafts
    JOIN posts
        ON posts.owner_id = drafts.owner_id
        AND posts.published_at >= drafts.forecast_at - INTERVAL 1 HOUR
        AND posts.published_at <= drafts.publish_at + INTERVAL 14 DAY
), candidates AS (
    SELECT
        * EXCLUDE (are_bare, words),
        CASE
            WHEN are_bare THEN if(show_the_same, 1.0, 0.0)
            WHEN say_the_same THEN 1.0
            ELSE list_unique(list_intersect(words[1], words[2]))
                / greatest(list_unique(list_concat(words[1], words[2])), 1)
        END AS similarity
    FROM pairs
), of_drafts AS (
    FROM candidates
    WHERE similarity >= 0.8
    QUALIFY row_number() OVER (
        PARTITION BY draft_id ORDER BY similarity DESC, say_the_same DESC, published_at, post_id
    ) = 1
), found AS (
    FROM of_drafts
    QUALIFY row_number() OVER (
        PARTITION BY owner_id, post_id, forecast_at
        ORDER BY
            similarity DESC, say_the_same DESC, show_the_same DESC, show_alike DESC, seconds_off,
            draft_id
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
