-- One row per variant of the newest experiment, mean over activities, the best one first.
SELECT variant, log_loss, gain_over_global, gain_over_owner, low, high, oracle_share, fit_seconds
FROM leaderboard
WHERE activity = 'all' AND log_loss IS NOT NULL AND experiment_id = (
    SELECT experiment_id FROM experiments WHERE created_at <= $as_of
    ORDER BY created_at DESC LIMIT 1
)
ORDER BY log_loss
