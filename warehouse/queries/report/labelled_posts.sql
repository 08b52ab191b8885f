-- One row per labelled post of the window, the newest ones where there are too many: its text, its
-- length and the category of its picture when it was first seen, and its counts at the stated
-- age; none exceeds its exposures.
SELECT
    owner_id, post_id, published_at, source, text, contents.image_hash,
    tags.category, tags.score, length(text) AS characters,
    views, coalesce(reach, views) AS reach,
    least(likes, views) AS "like", least(comments, views) AS "comment",
    least(reposts, views) AS repost, least(shares_to_message, views) AS share_to_message,
    least(hides, coalesce(reach, views)) AS hide, least(expands, views) AS expand,
    least(photo_opens, views) AS open_photo, least(opens, views) AS "open"
FROM grown_labels
JOIN first_contents AS contents USING (owner_id, post_id)
LEFT JOIN image_tags AS tags
    ON tags.image_hash = contents.image_hash AND tags.rank = 1
    AND tags.encoder_id = (SELECT value FROM constants WHERE name = 'tagger_id')
    AND tags.taxonomy = (SELECT value FROM constants WHERE name = 'taxonomy')
WHERE views > 0
  AND ((published_at >= $since AND published_at <= $as_of) OR published_at IS NULL)
ORDER BY published_at DESC NULLS LAST, owner_id, post_id
LIMIT $limit
