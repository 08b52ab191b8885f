-- Parts of work lists whose results are stored. Workers that are many, and may die, hand in parts;
-- one process stores them, and this says which.

CREATE TABLE work_parts (
    step VARCHAR NOT NULL,
    part VARCHAR NOT NULL,
    n_rows BIGINT NOT NULL,
    stored_at TIMESTAMPTZ NOT NULL
);
