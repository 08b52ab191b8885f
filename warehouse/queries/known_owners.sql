-- One row per owner with posts, those with the most posts first: its id, and what it is called.
SELECT owner_id, any_value(owners.name) AS name, any_value(owners.screen_name) AS screen_name
FROM posts
LEFT JOIN owners USING (owner_id)
GROUP BY owner_id
ORDER BY count(*) DESC, owner_id
