-- One row per owner: its name, how many labelled posts, and what its readers do.
SELECT
    owner_id, any_value(owners.name) AS name, any_value(owners.members) AS members, count(DISTINCT post_id) AS posts, median(exposures) AS median_views,
    sum("count") FILTER (activity = 'like') / sum(exposures) FILTER (activity = 'like') AS like_rate,
    sum("count") FILTER (activity = 'comment')
        / sum(exposures) FILTER (activity = 'comment') AS comment_rate,
    sum("count") FILTER (activity = 'hide') / sum(exposures) FILTER (activity = 'hide') AS hide_rate
FROM outcomes
LEFT JOIN owners USING (owner_id)
GROUP BY owner_id
ORDER BY posts DESC;
