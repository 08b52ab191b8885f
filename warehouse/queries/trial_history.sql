-- One row per post of the last of a wall with a known outcome of an activity, oldest first; adverts
-- are left out.
SELECT published_at, "count", exposures
FROM (
    SELECT contents.published_at, contents.post_id, outcomes."count", outcomes.exposures
    FROM first_contents AS contents
    JOIN outcomes USING (owner_id, post_id)
    WHERE owner_id = $owner_id AND outcomes.activity = $activity
        AND contents.published_at <= $until AND contents.is_ad IS NOT TRUE
    ORDER BY contents.published_at DESC, contents.post_id DESC
    LIMIT $limit
)
ORDER BY published_at, post_id
