-- One row per incoming post that is new, or not what the warehouse holds of its moment: when it was seen
-- to say this; of a run, also of one that stands in the past, never before what is stored. That is
-- compared with what it said just before and just after. One of awaiting keeps the picture that is known,
-- but for that of an edit after it, or goes on waiting; a mark or date that is not told stays, too. change:
--   new     nothing was known of it;
--   same    it says what is stored, but its picture has come, it is told only now whether it is an
--           advert, or it has another date or source;
--   again   it comes twice of one moment in one run, which is no edit: the last was seen;
--   undone  so it does, and says what was said before this run: there was no edit;
--   edit    from its moment on it says something else than what is stored. What comes with the moment
--           of a known version, and says something else, was edited since: it counts from this run;
--   late    it said so before what is stored; if that was known, but only of later: from replaces on;
--   longer  it said what is stored already then.
WITH versions AS (
    SELECT owner_id, post_id, seen_at, text_hash, image_hash, is_ad, awaits_picture, false AS is_stored
    FROM earlier_contents
    SEMI JOIN incoming USING (owner_id, post_id)
    UNION ALL
    SELECT
        owner_id, post_id, coalesce(edited_at, first_seen_at), text_hash, image_hash, is_ad,
        awaits_picture, true
    FROM posts
    SEMI JOIN incoming USING (owner_id, post_id)
), dated AS (
    SELECT
        incoming.* EXCLUDE (observed_at), awaiting.owner_id IS NOT NULL AS is_awaiting,
        coalesce(observed_at, greatest($seen_at, edited_at, first_seen_at)) AS moment
    FROM incoming
    LEFT JOIN awaiting USING (owner_id, post_id)
    LEFT JOIN posts USING (owner_id, post_id)
), neighbours AS (
    SELECT
        owner_id, post_id, count(*) AS n_versions,
        arg_max(versions, versions.seen_at) FILTER (versions.seen_at <= dated.moment) AS before,
        arg_min(versions, versions.seen_at) FILTER (versions.seen_at > dated.moment) AS after,
        arg_max(versions, versions.seen_at) FILTER (NOT versions.is_stored) AS previous,
        any_value(versions) FILTER (versions.is_stored) AS last
    FROM dated
    JOIN versions USING (owner_id, post_id)
    GROUP BY owner_id, post_id
), placed AS (
    SELECT
        dated.*, before, after, previous, n_versions, stored,
        CASE
            WHEN before.owner_id IS NULL THEN after
            WHEN before.seen_at = moment AND before.text_hash <> dated.text_hash THEN last
            ELSE before
        END AS known
    FROM dated
    LEFT JOIN neighbours USING (owner_id, post_id)
    LEFT JOIN (SELECT * EXCLUDE (text) FROM posts) AS stored USING (owner_id, post_id)
), completed AS (
    SELECT
        * REPLACE (
            CASE
                WHEN NOT is_awaiting THEN image_hash
                WHEN before.owner_id IS NULL AND after.text_hash <> text_hash THEN NULL
                ELSE known.image_hash
            END AS image_hash,
            coalesce(published_at, stored.published_at) AS published_at,
            coalesce(is_ad, known.is_ad) AS is_ad
        )
    FROM placed
), compared AS (
    SELECT
        completed.*,
        stored.first_seen_at, stored.edited_at, stored.updated_at,
        coalesce(before.seen_at = moment, false) AS has_moment,
        coalesce(
            before.text_hash = text_hash
            AND (before.awaits_picture OR before.image_hash IS NOT DISTINCT FROM image_hash)
            AND (before.is_ad IS NULL OR before.is_ad IS NOT DISTINCT FROM is_ad),
            false
        ) AS was_said,
        coalesce(
            stored.text_hash = text_hash
            AND (stored.awaits_picture OR stored.image_hash IS NOT DISTINCT FROM image_hash)
            AND (stored.is_ad IS NULL OR stored.is_ad IS NOT DISTINCT FROM is_ad),
            false
        ) AS is_said,
        (before.image_hash, before.is_ad) IS DISTINCT FROM (image_hash, is_ad) AS is_more,
        (stored.image_hash, stored.is_ad, stored.published_at, stored.source)
            IS DISTINCT FROM (image_hash, is_ad, published_at, $source) AS is_other,
        (previous.text_hash, previous.image_hash, previous.is_ad)
            IS NOT DISTINCT FROM (text_hash, image_hash, is_ad) AS was_previous,
        (after.text_hash, after.image_hash, after.is_ad)
            IS NOT DISTINCT FROM (text_hash, image_hash, is_ad) AS will_be_said
    FROM completed
), judged AS (
    SELECT
        *,
        coalesce(edited_at, first_seen_at) AS stored_at,
        CASE
            WHEN stored.owner_id IS NULL THEN 'new'
            WHEN was_said AND NOT before.is_stored THEN if(is_more, 'late', NULL)
            WHEN was_said OR has_moment AND is_said THEN if(is_other, 'same', NULL)
            WHEN has_moment AND updated_at = $seen_at
                AND (before.is_stored OR stored_at = $seen_at) THEN if(was_previous, 'undone', 'again')
            WHEN has_moment OR before.is_stored THEN 'edit'
            WHEN will_be_said AND after.is_stored THEN 'longer'
            ELSE 'late'
        END AS change
    FROM compared
)
SELECT
    owner_id, post_id, published_at, text, text_hash, image_hash, is_ad,
    is_awaiting AND image_hash IS NULL AS awaits_picture,
    first_seen_at, if(change = 'undone' AND n_versions = 2, NULL, edited_at) AS edited_at,
    CASE change
        WHEN 'longer' THEN updated_at
        WHEN 'undone' THEN previous.seen_at
        ELSE $seen_at
    END AS updated_at,
    change,
    CASE
        WHEN change IN ('same', 'again') THEN stored_at
        WHEN change = 'undone' THEN previous.seen_at
        WHEN change = 'late' AND was_said THEN before.seen_at
        WHEN change = 'edit' AND has_moment THEN greatest($seen_at, stored_at + INTERVAL 1 MICROSECOND)
        ELSE moment
    END AS moment,
    if(change = 'late' AND NOT was_said AND will_be_said, after.seen_at, NULL) AS replaces
FROM judged
WHERE change IS NOT NULL
