-- One row per listed post: whose it is, what it said when it was first seen, and what it got at the
-- stated age; null: not known yet.
WITH got AS (
    SELECT owner_id, post_id, list(struct_pack(activity := activity, rate := rate)) AS rates
    FROM outcomes
    SEMI JOIN listed USING (owner_id, post_id)
    GROUP BY owner_id, post_id
)
SELECT
    owner_id, owners.name AS owner_name, post_id, published_at, text, image_hash, got.rates
FROM (SELECT DISTINCT owner_id, post_id FROM listed)
JOIN first_contents USING (owner_id, post_id)
LEFT JOIN owners USING (owner_id)
LEFT JOIN got USING (owner_id, post_id)
