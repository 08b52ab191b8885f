-- A variant that cannot be fitted has no figures, but a reason.

ALTER TABLE experiments ADD COLUMN reason VARCHAR;
ALTER TABLE experiments ALTER COLUMN log_loss DROP NOT NULL;
ALTER TABLE experiments ALTER COLUMN gain_over_global DROP NOT NULL;
ALTER TABLE experiments ALTER COLUMN gain_over_owner DROP NOT NULL;
ALTER TABLE experiments ALTER COLUMN low DROP NOT NULL;
ALTER TABLE experiments ALTER COLUMN high DROP NOT NULL;
ALTER TABLE experiments ALTER COLUMN fit_seconds DROP NOT NULL;
ALTER TABLE experiments ALTER COLUMN predict_seconds DROP NOT NULL;
ALTER TABLE experiments ALTER COLUMN peak_mb DROP NOT NULL;
