-- One row: how the stored posts are written, which a draft must follow. Whether line breaks come as
-- <br>, as in data sets of VK, rather than as themselves; whether a post is ever said to be no
-- advert; whether texts are compared with pictures by this tagger.
SELECT
    count(*) FILTER (text ILIKE '%<br%') > count(*) FILTER (contains(text, chr(10)))
        AS breaks_lines_as_html,
    count(is_ad) > 0 AS tells_adverts,
    EXISTS (FROM text_image_similarities WHERE encoder_id = $tagger_id) AS compares_pictures
FROM posts
