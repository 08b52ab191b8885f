-- One row per mature snapshot of a dated post: what was counted, brought to the stated age, where it
-- tells of a rate. Counts without exposures tell nothing and stay out; so do advertisements, whose
-- views are bought and say little of an owner's other posts.
CREATE OR REPLACE VIEW known_counts AS
SELECT
    owner_id, post_id, known_at AS moment,
    1 AS posts_count,
    coalesce(views, 0) AS views_count,
    if(likes IS NULL OR views IS NULL, 0, least(likes, views)) AS like_count,
    if(likes IS NULL, 0, coalesce(views, 0)) AS like_exposures,
    if(comments IS NULL OR views IS NULL, 0, least(comments, views)) AS comment_count,
    if(comments IS NULL, 0, coalesce(views, 0)) AS comment_exposures,
    if(reposts IS NULL OR views IS NULL, 0, least(reposts, views)) AS repost_count,
    if(reposts IS NULL, 0, coalesce(views, 0)) AS repost_exposures,
    if(shares_to_message IS NULL OR views IS NULL, 0, least(shares_to_message, views))
        AS share_to_message_count,
    if(shares_to_message IS NULL, 0, coalesce(views, 0)) AS share_to_message_exposures,
    if(hides IS NULL OR coalesce(reach, views) IS NULL, 0, least(hides, coalesce(reach, views)))
        AS hide_count,
    if(hides IS NULL, 0, coalesce(reach, views, 0)) AS hide_exposures,
    if(expands IS NULL OR views IS NULL, 0, least(expands, views)) AS expand_count,
    if(expands IS NULL, 0, coalesce(views, 0)) AS expand_exposures,
    if(photo_opens IS NULL OR views IS NULL, 0, least(photo_opens, views)) AS open_photo_count,
    if(photo_opens IS NULL, 0, coalesce(views, 0)) AS open_photo_exposures,
    if(opens IS NULL OR views IS NULL, 0, least(opens, views)) AS open_count,
    if(opens IS NULL, 0, coalesce(views, 0)) AS open_exposures
FROM grown_snapshots
ANTI JOIN (FROM first_contents WHERE is_ad) USING (owner_id, post_id)
WHERE published_at IS NOT NULL;
