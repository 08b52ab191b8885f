-- One row per prediction whose outcome is known: the probability beside the observed rate.
-- is_forecast: written before the outcome was first known. Only those rows judge a model.
-- The logarithms see probabilities at least 1e-9 from 0 and 1: there is none of 0.
CREATE OR REPLACE VIEW prediction_outcomes AS
SELECT
    predictions.owner_id, predictions.post_id, predictions.activity, predictions.model_version,
    predictions.probability, outcomes.rate, outcomes.exposures, outcomes."count",
    -(
        outcomes.rate * ln(greatest(predictions.probability, 1e-9))
        + (1 - outcomes.rate) * ln(greatest(1 - predictions.probability, 1e-9))
    ) AS log_loss_per_view,
    predictions.scored_at < outcomes.first_known_at AS is_forecast,
    predictions.scored_at, outcomes.observed_at
FROM predictions
JOIN outcomes USING (owner_id, post_id, activity);
