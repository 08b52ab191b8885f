-- One row per forecast of likes that was furthest from what happened, in standard errors of the
-- observed rate: above 0 the post beat its prediction.
SELECT
    owner_id, post_id, left(text, 80) AS text_start, exposures AS views, probability, rate,
    (rate - probability) / sqrt(probability * (1 - probability) / exposures) AS standard_errors
FROM prediction_outcomes
JOIN posts USING (owner_id, post_id)
WHERE activity = 'like' AND is_forecast
ORDER BY abs(standard_errors) DESC
LIMIT 20;
