-- One row per activity of the newest scores: whether the model predicts it, or the owner's rate.
SELECT activity, predicted_by, count(*) AS posts, avg(probability) AS mean_probability
FROM latest_predictions
GROUP BY ALL
ORDER BY activity, predicted_by;
