-- One row per post with a label: that snapshot, its counts brought to the stated age.
CREATE OR REPLACE VIEW grown_labels AS
SELECT grown_snapshots.* EXCLUDE (published_at, known_at), first_known_at
FROM grown_snapshots
JOIN (SELECT owner_id, post_id, observed_at, first_known_at FROM labels)
    USING (owner_id, post_id, observed_at);
