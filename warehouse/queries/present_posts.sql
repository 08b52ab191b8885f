-- One row per post as it is to be stored, where that is not as it is; updated_at moves when it says
-- something else, has another date or source.
SELECT
    present.*,
    if(
        (
            stored.text_hash, stored.image_hash, stored.is_ad, stored.published_at, stored.source
        ) IS NOT DISTINCT FROM (
            present.text_hash, present.image_hash, present.is_ad, present.published_at, present.source
        ),
        stored.updated_at, $seen_at
    ) AS updated_at
FROM present
LEFT JOIN posts AS stored USING (owner_id, post_id)
WHERE (
    stored.text_hash, stored.image_hash, stored.is_ad, stored.published_at, stored.source,
    stored.awaits_picture, stored.first_seen_at, stored.edited_at
) IS DISTINCT FROM (
    present.text_hash, present.image_hash, present.is_ad, present.published_at, present.source,
    present.awaits_picture, present.first_seen_at, present.edited_at
)
