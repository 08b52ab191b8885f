-- No row, but an error that says what is missing; the columns are there for queries that name them.
CREATE MACRO similar_to(of_owner_id, of_post_id, n, compared := 'text') AS TABLE
SELECT
    NULL::BIGINT AS owner_id, NULL::VARCHAR AS owner_name, NULL::BIGINT AS post_id,
    NULL::TIMESTAMPTZ AS published_at, NULL::VARCHAR AS text_start, NULL::FLOAT AS cosine,
    NULL::DOUBLE AS views, NULL::DOUBLE AS like_rate, NULL::DOUBLE AS comment_rate,
    NULL::DOUBLE AS repost_rate, NULL::DOUBLE AS share_to_message_rate, NULL::DOUBLE AS hide_rate,
    NULL::DOUBLE AS expand_rate, NULL::DOUBLE AS open_photo_rate, NULL::DOUBLE AS open_rate
WHERE
    error(
        'there are no vectors in this snapshot: with publish.vectors '
        '(VKFLOW_PUBLISH__VECTORS=true) the next night or `vkflow publish` adds those of all '
        'texts and pictures that have been embedded'
    ) IS NULL;
