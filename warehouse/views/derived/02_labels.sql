-- One row per post with a label: its latest mature snapshot.
-- first_known_at is when the post first had one: a score written later is no forecast.
CREATE OR REPLACE VIEW labels AS
SELECT
    * EXCLUDE (published_at, known_at),
    min(known_at) OVER (PARTITION BY owner_id, post_id) AS first_known_at
FROM mature_snapshots
QUALIFY row_number() OVER (PARTITION BY owner_id, post_id ORDER BY observed_at DESC) = 1;
