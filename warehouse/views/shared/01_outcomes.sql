-- One row per labelled post and activity with a known count: n exposures, k times taken, at the stated
-- age. VK reports hides against reach; everything else, and hides without a reach, against views.
-- More activities than exposures cannot be one a view: the count is capped.
CREATE OR REPLACE VIEW outcomes AS
WITH counted AS (
    SELECT
        owner_id, post_id, observed_at, first_known_at,
        unnest([
            {'activity': 'like', 'exposures': views, 'count': likes},
            {'activity': 'comment', 'exposures': views, 'count': comments},
            {'activity': 'repost', 'exposures': views, 'count': reposts},
            {'activity': 'share_to_message', 'exposures': views, 'count': shares_to_message},
            {'activity': 'hide', 'exposures': coalesce(reach, views), 'count': hides},
            {'activity': 'expand', 'exposures': views, 'count': expands},
            {'activity': 'open_photo', 'exposures': views, 'count': photo_opens},
            {'activity': 'open', 'exposures': views, 'count': opens}
        ], recursive := true)
    FROM grown_labels
)
SELECT
    owner_id, post_id, activity, exposures, least("count", exposures) AS "count",
    least("count", exposures) / exposures AS rate, observed_at, first_known_at
FROM counted
WHERE exposures > 0 AND "count" IS NOT NULL;
