"""What drafts say, as the night would read it: statistics, vectors and tags of texts and pictures.

Nothing is stored; the same encoder, the same tagger and the same preparation are used as for posts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from vkflow.drafts.draft import Draft
from vkflow.engines.isolation import work_isolating_faults
from vkflow.engines.workers.pictures import compare_pairs
from vkflow.engines.workers.texts import TextWorker
from vkflow.images.decoding import picture_hash
from vkflow.images.media import picture_file, store_picture
from vkflow.images.scores import Floats, category_scores, top_tags
from vkflow.images.tagger import PictureTagger
from vkflow.modelling.vectors import as_lists
from vkflow.storage import Storage
from vkflow.text.cleaning import text_hashes
from vkflow.text.encoders import TextEncoder
from vkflow.text.statistics import text_statistics
from vkflow.translation import English, Message
from warehouse.drafts import (
    CONTENT_SCHEMAS,
    POSTS_SCHEMA,
    Customs,
    DraftContents,
    no_content,
)

LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Readers:
    """What reads drafts; a part that is missing leaves what it would read unknown.

    Attributes:
        customs: how stored posts are written.
        encoder: of texts; ``None``: they have no vectors.
        tagger: of pictures; ``None``: they have no vectors.
        taxonomy: id of the list of categories.
        categories: their names.
        category_vectors: float32, shape (categories, dimensions).
        ranked_tags: how many of them a picture gets.
        keeps_pictures: whether posts have pictures at all, or these are switched off.
    """

    customs: Customs
    encoder: TextEncoder | None = None
    tagger: PictureTagger | None = None
    taxonomy: str = "none"
    categories: tuple[str, ...] = ()
    category_vectors: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))
    ranked_tags: int = 1
    keeps_pictures: bool = True


def read_contents(drafts: Sequence[Draft], readers: Readers) -> tuple[DraftContents, list[Message]]:
    """What drafts say, in the columns of the tables of posts.

    Returns:
        The contents, and what could not be read.
    """
    posts = as_posts(drafts, readers.customs, keeps_pictures=readers.keeps_pictures)
    vectors, remarks = _text_vectors(posts, readers.encoder)
    tables = {name: no_content(name) for name in CONTENT_SCHEMAS} | {"text_embeddings": vectors}
    if readers.tagger is not None:
        tables |= _picture_tables(drafts, posts, readers, readers.tagger)
    statistics = text_statistics(posts["text"]).with_columns(posts["text_hash"])
    return DraftContents(posts=posts, text_statistics=statistics, **tables), remarks


def as_posts(drafts: Sequence[Draft], customs: Customs, *, keeps_pictures: bool) -> pl.DataFrame:
    """Drafts as rows of posts, written as these are; numbered from 0.

    Args:
        drafts: in their order.
        customs: how stored posts are written.
        keeps_pictures: whether posts have pictures at all, or these are switched off.
    """
    rows = [
        (
            draft.owner_id,
            number,
            draft.at,
            LINE_BREAK.sub("<br>", draft.text)
            if customs.breaks_lines_as_html
            else LINE_BREAK.sub("\n", draft.text),
            picture_hash(draft.picture) if draft.picture is not None and keeps_pictures else None,
            draft.is_ad if customs.tells_adverts or draft.is_ad else None,
        )
        for number, draft in enumerate(drafts)
    ]
    schema = {name: kind for name, kind in POSTS_SCHEMA.items() if name != "text_hash"}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(text_hashes(frame["text"])).select(*POSTS_SCHEMA)


def _text_vectors(
    posts: pl.DataFrame, encoder: TextEncoder | None
) -> tuple[pl.DataFrame, list[Message]]:
    texts = posts.filter(pl.col("text") != "").unique("text_hash", maintain_order=True)
    if encoder is None or texts.is_empty():
        return no_content("text_embeddings"), []
    rows = work_isolating_faults(TextWorker(encoder), texts.select("text_hash", "text"))
    remarks = [
        Message("drafts", "remark_faulty_text", {"reason": English(reason)})
        for reason in rows["fault"].drop_nulls()
    ]
    return rows.filter(pl.col("fault").is_null()).drop("fault", "text"), remarks


def _picture_tables(
    drafts: Sequence[Draft], posts: pl.DataFrame, readers: Readers, tagger: PictureTagger
) -> dict[str, pl.DataFrame]:
    hashed = zip(posts["image_hash"], drafts, strict=True)
    pictures = {name: draft.picture for name, draft in hashed if name and draft.picture}
    if not pictures:
        return {}
    with TemporaryDirectory(prefix="vkflow-drafts-") as folder:
        media = Storage(folder, "TMPDIR")
        stored = [store_picture(media, content) for content in pictures.values()]
        hashes = [picture.image_hash for picture in stored if picture.status == "ok"]
        vectors = tagger.embed([picture_file(media, name) for name in hashes])
    known = ~np.isnan(vectors[:, 0])
    hashes = [name for name, is_known in zip(hashes, known, strict=True) if is_known]
    return _tables_of(hashes, vectors[known], readers, tagger) | {
        "text_image_similarities": _similarities(posts, hashes, vectors[known], readers, tagger)
    }


def _tables_of(
    hashes: list[str], vectors: Floats, readers: Readers, tagger: PictureTagger
) -> dict[str, pl.DataFrame]:
    scores = category_scores(vectors, readers.category_vectors, tagger.logit_scale)
    encoder_id = pl.lit(tagger.encoder_id).alias("encoder_id")
    taxonomy = pl.lit(readers.taxonomy).alias("taxonomy")
    frame = pl.DataFrame({"image_hash": hashes}, schema={"image_hash": pl.String})
    ranked = top_tags(scores, readers.categories, readers.ranked_tags)
    tags = [
        (name, tagger.encoder_id, readers.taxonomy, tag.category, tag.score, tag.rank)
        for name, best in zip(hashes, ranked, strict=True)
        for tag in best
    ]
    schema = dict(CONTENT_SCHEMAS["image_tags"])
    return {
        "image_embeddings": frame.select(
            "image_hash", encoder_id, as_lists(vectors).alias("embedding")
        ),
        "image_scores": frame.select(
            "image_hash", encoder_id, taxonomy, as_lists(scores).alias("scores")
        ),
        "image_tags": pl.DataFrame(tags, schema=schema, orient="row"),
    }


def _similarities(
    posts: pl.DataFrame,
    hashes: list[str],
    vectors: Floats,
    readers: Readers,
    tagger: PictureTagger,
) -> pl.DataFrame:
    """Of texts with their pictures, if those of posts are compared: not in every language."""
    places = {name: place for place, name in enumerate(hashes)}
    pairs = posts.filter(pl.col("text") != "", pl.col("image_hash").is_in(hashes))
    pairs = pairs.unique(("text_hash", "image_hash"), maintain_order=True)
    if pairs.is_empty() or not readers.customs.compares_pictures:
        return no_content("text_image_similarities")
    chosen = vectors[[places[name] for name in pairs["image_hash"]]]
    return pairs.select(
        "text_hash",
        "image_hash",
        pl.lit(tagger.encoder_id).alias("encoder_id"),
        pl.Series("similarity", compare_pairs(tagger, pairs["text"], chosen), dtype=pl.Float32),
    )
