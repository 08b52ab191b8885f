-- One row per prediction whose outcome is known: the probability beside the observed rate.
-- is_forecast: written before the outcome was first known. Only those rows judge a model.
CREATE OR REPLACE VIEW prediction_outcomes AS
SELECT
    predictions.owner_id, predictions.post_id, predictions.activity, predictions.model_version,
    predictions.probability, outcomes.rate, outcomes.chances, outcomes."count",
    -(
        outcomes.rate * ln(predictions.probability)
        + (1 - outcomes.rate) * ln(1 - predictions.probability)
    ) AS log_loss_per_view,
    predictions.scored_at < outcomes.first_known_at AS is_forecast,
    predictions.scored_at, outcomes.observed_at
FROM predictions
JOIN outcomes USING (owner_id, post_id, activity);
