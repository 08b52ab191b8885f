-- Relative difference in log loss to the product, on the same posts; NULL in rows from before, and
-- where the product was not among the variants.
ALTER TABLE experiments ADD COLUMN against_product DOUBLE;
ALTER TABLE experiments ADD COLUMN against_low DOUBLE;
ALTER TABLE experiments ADD COLUMN against_high DOUBLE;
