-- One row per kind of reposts that is known of the labels of the selected posts.
SELECT reposts_with_messages, count(*)
FROM labels SEMI JOIN selected_posts USING (owner_id, post_id)
WHERE reposts IS NOT NULL AND reposts_with_messages IS NOT NULL
GROUP BY reposts_with_messages
