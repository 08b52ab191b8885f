-- One row per labelled post and activity with a known count: n chances, k times taken, at the stated
-- age. VK reports hides against reach; everything else, and hides without a reach, against views.
-- More activities than chances cannot be one a view: the count is capped.
CREATE OR REPLACE VIEW outcomes AS
WITH counted AS (
    SELECT
        owner_id, post_id, observed_at, first_known_at,
        unnest([
            {'activity': 'like', 'chances': views, 'count': likes},
            {'activity': 'comment', 'chances': views, 'count': comments},
            {'activity': 'repost', 'chances': views, 'count': reposts},
            {'activity': 'share_to_message', 'chances': views, 'count': shares_to_message},
            {'activity': 'hide', 'chances': coalesce(reach, views), 'count': hides},
            {'activity': 'expand', 'chances': views, 'count': expands},
            {'activity': 'open_photo', 'chances': views, 'count': photo_opens},
            {'activity': 'open', 'chances': views, 'count': opens}
        ], recursive := true)
    FROM grown_labels
)
SELECT
    owner_id, post_id, activity, chances, least("count", chances) AS "count",
    least("count", chances) / chances AS rate, observed_at, first_known_at
FROM counted
WHERE chances > 0 AND "count" IS NOT NULL;
