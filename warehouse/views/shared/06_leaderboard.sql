-- One row per experiment, variant and activity, the newest experiment first and the best variant
-- on top, those that could not be fitted last; the activity all is the mean over the others. low and
-- high bound gain_over_owner.
CREATE OR REPLACE VIEW leaderboard AS
SELECT
    experiment_id, created_at, variant, activity, log_loss, gain_over_global, gain_over_owner,
    low, high, oracle_share, fit_seconds, predict_seconds, peak_mb, reason,
    against_product, against_low, against_high
FROM experiments
ORDER BY created_at DESC, experiment_id, activity, log_loss NULLS LAST;
