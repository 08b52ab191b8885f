"""Pictures to vectors, category scores and tags; and texts beside the pictures they came with."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from PIL import Image

from vkflow.engines.engine import Recruit
from vkflow.engines.opening import settings_for_workers
from vkflow.engines.workers.faults import reason
from vkflow.errors import SettingsError
from vkflow.images.media import picture_file
from vkflow.images.preparation import Picture
from vkflow.images.scores import Floats, category_scores, pair_similarities, top_tags
from vkflow.images.tagger import PictureTagger, load_tagger
from vkflow.images.taxonomy import Taxonomy
from vkflow.modelling.vectors import as_lists, as_matrix
from vkflow.settings import Settings
from vkflow.text.cleaning import clean_for_encoder

TAGS = pl.List(pl.Struct({"category": pl.String, "score": pl.Float32, "rank": pl.Int32}))
VECTOR = pl.List(pl.Float32)
HARMLESS = pl.DataFrame({"image_hash": ["harmless"]})
HARMLESS_SIDE = 64
LOST = "the stored file is gone or damaged"
MAX_CHARACTERS = 1_000
"""More than any CLIP reads; spares the tokenizer a text of megabytes."""


class PictureWorker:
    """Rows of image_hash to rows of image_hash, encoder_id, taxonomy, embedding, scores, tags.

    A picture that cannot be read any more, or that the tagger fails on, has a ``fault``, and none
    of the last three.
    """

    def __init__(
        self, settings: Settings, tagger: PictureTagger, taxonomy: Taxonomy, categories: Floats
    ) -> None:
        """Take the tools.

        Args:
            settings: where pictures lie, and how many to do at a time.
            tagger: the loaded CLIP.
            taxonomy: the categories.
            categories: their vectors, float32 (n_categories, d), rows of length 1.
        """
        self._settings = settings
        self._tagger = tagger
        self._taxonomy = taxonomy
        self._categories = categories

    def work(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Vectors, scores and tags of pictures."""
        pictures = [self._picture(image_hash) for image_hash in rows["image_hash"]]
        vectors = self._tagger.embed(pictures, self._settings.images.batch_size)
        is_readable = ~np.isnan(vectors[:, 0])
        return pl.concat(
            [
                self._tagged(rows.filter(pl.Series(is_readable)), vectors[is_readable]),
                self._without_tags(rows.filter(pl.Series(~is_readable)), LOST),
            ]
        )

    def harmless(self) -> pl.DataFrame:
        """See :class:`vkflow.engines.engine.Worker`."""
        return HARMLESS

    def refuse(self, rows: pl.DataFrame, error: Exception) -> pl.DataFrame:
        """See :class:`vkflow.engines.engine.Worker`."""
        return self._without_tags(rows, reason("the tagger", "picture", error))

    def _picture(self, image_hash: str) -> Picture:
        if image_hash == HARMLESS["image_hash"][0]:
            return Image.new("RGB", (HARMLESS_SIDE, HARMLESS_SIDE))
        return picture_file(self._settings.media, image_hash)

    def _tagged(self, rows: pl.DataFrame, vectors: Floats) -> pl.DataFrame:
        scores = category_scores(vectors, self._categories, self._tagger.logit_scale)
        names = [category.name for category in self._taxonomy.categories]
        best = top_tags(scores, names, self._settings.images.ranked_tags)
        tags = [[tag._asdict() for tag in tags] for tags in best]
        return rows.select(
            *self._keys(),
            as_lists(vectors).alias("embedding"),
            as_lists(scores).alias("scores"),
            pl.Series("tags", tags, dtype=TAGS),
            pl.lit(None, pl.String).alias("fault"),
        )

    def _without_tags(self, rows: pl.DataFrame, fault: str) -> pl.DataFrame:
        return rows.select(
            *self._keys(),
            pl.lit(None, VECTOR).alias("embedding"),
            pl.lit(None, VECTOR).alias("scores"),
            pl.lit(None, TAGS).alias("tags"),
            pl.lit(fault).alias("fault"),
        )

    def _keys(self) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
        return (
            pl.col("image_hash"),
            pl.lit(self._tagger.encoder_id).alias("encoder_id"),
            pl.lit(self._taxonomy.taxonomy_id).alias("taxonomy"),
        )


class PairWorker:
    """Rows of text_hash, text, image_hash, embedding to rows of text_image_similarities.

    A row of a text that the text tower fails on has no similarity, but a ``fault``, and the
    ``text`` to be looked at; others have neither.
    """

    def __init__(self, tagger: PictureTagger) -> None:
        self._tagger = tagger

    def work(self, rows: pl.DataFrame) -> pl.DataFrame:
        """How near texts are to their pictures."""
        similarities = compare_pairs(self._tagger, rows["text"], as_matrix(rows["embedding"])[0])
        return rows.select(
            *self._keys(),
            pl.Series("similarity", similarities, dtype=pl.Float32),
            pl.lit(None, pl.String).alias("text"),
            pl.lit(None, pl.String).alias("fault"),
        )

    def harmless(self) -> pl.DataFrame:
        """See :class:`vkflow.engines.engine.Worker`."""
        vector = np.full((1, self._tagger.dimensions), self._tagger.dimensions**-0.5, np.float32)
        return HARMLESS.with_columns(
            text_hash=pl.lit("harmless"), text=pl.lit("текст"), embedding=as_lists(vector)
        )

    def refuse(self, rows: pl.DataFrame, error: Exception) -> pl.DataFrame:
        """See :class:`vkflow.engines.engine.Worker`."""
        return rows.select(
            *self._keys(),
            pl.lit(None, pl.Float32).alias("similarity"),
            "text",
            pl.lit(reason("the tagger's text tower", "text", error)).alias("fault"),
        )

    def _keys(self) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
        encoder_id = pl.lit(self._tagger.encoder_id).alias("encoder_id")
        return pl.col("text_hash"), pl.col("image_hash"), encoder_id


def compare_pairs(tagger: PictureTagger, texts: pl.Series, pictures: Floats) -> Floats:
    """Cosine of each text with its picture's vector, float32, shape (pairs,)."""
    cleaned = clean_for_encoder(texts.str.slice(0, MAX_CHARACTERS)).to_list()
    return pair_similarities(tagger.embed_texts(cleaned), pictures)


def recruit_picture_worker(
    settings: Settings, encoder_id: str, taxonomy: Taxonomy, categories: Floats
) -> Recruit:
    """How to make a :class:`PictureWorker` elsewhere; its tagger must be ``encoder_id``.

    Categories are their embeddings by the prompts, float32, shape (n_categories, d).
    """
    return _PictureRecruit(settings_for_workers(settings), encoder_id, taxonomy, categories)


def recruit_pair_worker(settings: Settings, encoder_id: str) -> Recruit:
    """How to make a :class:`PairWorker` elsewhere; its tagger must be ``encoder_id``."""
    return _PairRecruit(settings_for_workers(settings), encoder_id)


@dataclass(frozen=True)
class _PictureRecruit:
    settings: Settings
    encoder_id: str
    taxonomy: Taxonomy
    categories: Floats

    def __call__(self) -> PictureWorker:
        tagger = _load(self.settings, self.encoder_id)
        return PictureWorker(self.settings, tagger, self.taxonomy, self.categories)


@dataclass(frozen=True)
class _PairRecruit:
    settings: Settings
    encoder_id: str

    def __call__(self) -> PairWorker:
        return PairWorker(_load(self.settings, self.encoder_id))


def _load(settings: Settings, encoder_id: str) -> PictureTagger:
    tagger = load_tagger(
        settings.images.tagger, device=settings.device, precision=settings.precision
    )
    if tagger.encoder_id != encoder_id:
        raise SettingsError(
            f"this worker has the tagger {tagger.encoder_id}, but the vectors of {encoder_id} are "
            f"missing: set device and precision, and give all machines the same model"
        )
    return tagger
