-- One row per dated post of the selection: its first mature counts, and when they became known.
FROM known_counts
SEMI JOIN selected_posts USING (owner_id, post_id)
QUALIFY row_number() OVER (PARTITION BY owner_id, post_id ORDER BY moment) = 1
