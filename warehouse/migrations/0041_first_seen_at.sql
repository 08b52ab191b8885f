-- A post counts as first seen when its counts were read, not by the run that took them over: what another
-- file tells of it later may be older, and then says what it said before. Of several counts that one run
-- took over it is the last: it kept what was said then.

CREATE TEMP TABLE observed_before AS
SELECT posts.owner_id, posts.post_id, posts.first_seen_at, max(snapshots.observed_at) AS observed_at
FROM posts
JOIN snapshots USING (owner_id, post_id)
WHERE snapshots.observed_at <= posts.first_seen_at
GROUP BY ALL
HAVING max(snapshots.observed_at) < posts.first_seen_at;

UPDATE earlier_contents SET seen_at = observed_before.observed_at
FROM observed_before
WHERE observed_before.owner_id = earlier_contents.owner_id
  AND observed_before.post_id = earlier_contents.post_id
  AND observed_before.first_seen_at = earlier_contents.seen_at;

UPDATE posts SET first_seen_at = observed_before.observed_at
FROM observed_before
WHERE observed_before.owner_id = posts.owner_id AND observed_before.post_id = posts.post_id;

DROP TABLE observed_before;
