-- One row per incoming row that tells something new, with all that is told of its moment by then. Of one
-- moment the newest delivered counts, and what it does not tell (a picture, a mark, a date) stays.
-- A row without a moment is of the run's; it is new only if it is not what such a row said before, for a
-- file that is read night after night tells nothing new. Of a post that is known, a run of the past
-- (is_past, or it was seen since) cannot tell since when it says this: the row is of the moment it was
-- read, or of none.
-- change:
--   told    this is to be stored;
--   undone  this run had stored something of its moment, and is told now what was said before it: that
--           is to be deleted;
--   source  the post comes from another source, and nothing else is new.
WITH lasts AS (
    SELECT owner_id, post_id, max(seen_at) AS last_seen_at FROM known GROUP BY ALL
), told AS (
    SELECT
        incoming.*, observed_at IS NOT NULL AS is_dated,
        coalesce(
            observed_at,
            if(last_seen_at > if($is_past, '-infinity', $seen_at), $read_at, $seen_at)
        ) AS seen_at
    FROM incoming
    LEFT JOIN lasts USING (owner_id, post_id)
    WHERE seen_at IS NOT NULL
), neighbours AS (
    SELECT
        owner_id, post_id, told.seen_at, told.is_dated,
        any_value(known) FILTER (known.seen_at = told.seen_at AND known.is_dated = told.is_dated)
            AS same,
        arg_max(known, known.seen_at) FILTER (known.seen_at < told.seen_at AND NOT known.is_dated)
            AS before
    FROM told
    JOIN known USING (owner_id, post_id)
    GROUP BY ALL
), placed AS (
    SELECT told.*, same, before, coalesce(same, if(is_dated, NULL, before)) AS earlier
    FROM told
    LEFT JOIN neighbours USING (owner_id, post_id, seen_at, is_dated)
), completed AS (
    SELECT
        * EXCLUDE (earlier, observed_at, text) REPLACE (
            coalesce(published_at, earlier.published_at) AS published_at,
            if(awaits_picture, earlier.image_hash, image_hash) AS image_hash,
            coalesce(is_ad, earlier.is_ad) AS is_ad,
            awaits_picture AND coalesce(earlier.awaits_picture, true) AS awaits_picture
        ),
        coalesce(
            text_hash <> same.text_hash OR is_ad <> same.is_ad OR published_at <> same.published_at
            OR NOT awaits_picture AND NOT same.awaits_picture
            AND image_hash IS DISTINCT FROM same.image_hash,
            false
        ) AS is_conflict
    FROM placed
), judged AS (
    SELECT
        completed.*,
        (text_hash, image_hash, is_ad, published_at, awaits_picture) IS NOT DISTINCT FROM (
            before.text_hash, before.image_hash, before.is_ad, before.published_at,
            before.awaits_picture
        ) AS was_said,
        (text_hash, image_hash, is_ad, published_at, awaits_picture) IS NOT DISTINCT FROM (
            same.text_hash, same.image_hash, same.is_ad, same.published_at, same.awaits_picture
        ) AS is_said
    FROM completed
)
SELECT
    judged.* EXCLUDE (same, before, was_said, is_said),
    CASE
        WHEN was_said AND NOT is_dated AND same.owner_id IS NOT NULL THEN 'undone'
        WHEN NOT is_said AND (is_dated OR NOT was_said) THEN 'told'
        WHEN source <> $source THEN 'source'
    END AS change
FROM judged
LEFT JOIN (SELECT owner_id, post_id, source FROM posts) USING (owner_id, post_id)
WHERE change IS NOT NULL
