-- One row per border in time: how many snapshots and posts lie before it, the border included or
-- not. Over equal tables equal numbers mean the same snapshots and the same posts in every window
-- between two borders.
SELECT
    (SELECT count(*) FROM snapshots WHERE observed_at <= border) AS snapshots,
    (SELECT count(*) FROM posts WHERE published_at <= border) AS posts,
    (SELECT count(*) FROM posts WHERE published_at < border) AS posts_before
FROM unnest($borders::TIMESTAMPTZ[]) AS borders(border)
ORDER BY border
