-- One row per post of a wall that appeared after one moment and until another, in order: what it
-- said when it was first seen, and what it got of an activity, NULL until that is known. Adverts are
-- left out.
SELECT
    contents.owner_id, contents.post_id, contents.published_at, contents.text,
    contents.image_hash IS NOT NULL AS has_image, outcomes."count", outcomes.exposures
FROM first_contents AS contents
LEFT JOIN outcomes
    ON outcomes.owner_id = contents.owner_id AND outcomes.post_id = contents.post_id
    AND outcomes.activity = $activity
WHERE contents.owner_id = $owner_id
    AND contents.published_at > $since AND contents.published_at <= $until
    AND contents.is_ad IS NOT TRUE
ORDER BY contents.published_at, contents.post_id
