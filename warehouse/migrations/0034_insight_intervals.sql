-- Intervals that allow for the choice of what is told, and a placebo beside each effect. Advice of
-- before has neither: its intervals stand for themselves.
ALTER TABLE insights ADD COLUMN adjusted_low DOUBLE;
ALTER TABLE insights ADD COLUMN adjusted_high DOUBLE;
ALTER TABLE insights ADD COLUMN placebo_effect DOUBLE;
ALTER TABLE insights ADD COLUMN placebo_p_value DOUBLE;
UPDATE insights SET adjusted_low = low, adjusted_high = high WHERE verdict IN ('raises', 'lowers');
ALTER TABLE insights DROP COLUMN model_effect;
