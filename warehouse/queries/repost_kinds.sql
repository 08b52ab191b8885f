-- One row per kind of reposts among the labels of the selected posts; NULL: the source did not say.
SELECT reposts_with_messages, count(*)
FROM labels SEMI JOIN selected_posts USING (owner_id, post_id)
WHERE reposts IS NOT NULL
GROUP BY reposts_with_messages
