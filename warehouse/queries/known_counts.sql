-- Counts of the owners' posts as they became known. Those of a post follow each other.
FROM known_counts
WHERE list_contains($owners, owner_id)
ORDER BY owner_id, post_id, moment
