-- Keeps the members of the incoming owners where they differ from those known last.
INSERT INTO owner_members BY NAME
SELECT incoming.owner_id, incoming.seen_at, incoming.members
FROM incoming
LEFT JOIN (
    SELECT owner_id, arg_max(members, seen_at) AS members FROM owner_members GROUP BY owner_id
) AS known ON known.owner_id = incoming.owner_id
WHERE incoming.members IS NOT NULL AND incoming.members IS DISTINCT FROM known.members
