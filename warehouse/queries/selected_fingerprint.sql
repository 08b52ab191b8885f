-- One row: the number of known outcomes of the selected posts, and digests of all that they and
-- their posts say, of all counts of their owners, of when these owners posted until then, which
-- histories are made of, and of the members they had: those counted until the last post, and those
-- counted first, which hold for posts before. Whatever the order of the rows.
WITH owners AS (
    SELECT DISTINCT owner_id FROM selected_posts
)
SELECT
    (SELECT count(*) FROM outcomes SEMI JOIN selected_posts USING (owner_id, post_id)),
    (
        SELECT bit_xor(hash(
            owner_id, post_id, contents.published_at, contents.text_hash, contents.image_hash,
            contents.is_ad, activity, exposures, "count"
        ))
        FROM outcomes
        SEMI JOIN selected_posts USING (owner_id, post_id)
        JOIN first_contents AS contents USING (owner_id, post_id)
    ),
    (SELECT bit_xor(hash(mature_snapshots)) FROM mature_snapshots SEMI JOIN owners USING (owner_id)),
    (
        SELECT bit_xor(hash(owner_id, post_id, published_at, length(text), image_hash IS NULL, is_ad))
        FROM first_contents
        SEMI JOIN owners USING (owner_id)
        WHERE published_at <= (SELECT max(published_at) FROM selected_posts)
    ),
    (
        SELECT bit_xor(hash(owner_id, seen_at, members))
        FROM (
            FROM owner_members
            SEMI JOIN owners USING (owner_id)
            WHERE seen_at <= coalesce(getvariable('as_of'), 'infinity'::TIMESTAMPTZ)
            QUALIFY seen_at <= (SELECT max(published_at) FROM selected_posts)
                 OR row_number() OVER (PARTITION BY owner_id ORDER BY seen_at) = 1
        )
    )
