-- What the index of a feature stays below in an ordinary week; NULL in rows from before.
ALTER TABLE drift ADD COLUMN bound DOUBLE;
