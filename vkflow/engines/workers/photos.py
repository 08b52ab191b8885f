"""Pictures as they came from the source, to files of the media store."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import polars as pl

from vkflow.engines.engine import Recruit
from vkflow.engines.opening import settings_for_workers
from vkflow.images.budgets import ByteBudget
from vkflow.images.media import store_picture
from vkflow.settings import Settings

MAX_DECODERS = 8
HARMLESS = pl.DataFrame({"image_hash": ["harmless"], "content": [b""]})
IMAGES_SCHEMA = {
    "image_hash": pl.String,
    "width": pl.Int32,
    "height": pl.Int32,
    "bytes": pl.Int64,
    "status": pl.String,
    "error": pl.String,
}


class PhotoWorker:
    """Rows of image_hash, content to rows of image_hash, width, height, bytes, status, error."""

    def __init__(self, settings: Settings) -> None:
        """Take where pictures go, and the bytes that may be decoded at once."""
        self._media = settings.media
        self._decoding = ByteBudget(settings.memory_bytes)

    def work(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Check pictures and store the good ones; a bad one is a row as well."""
        with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_DECODERS)) as decoders:
            stored = decoders.map(self._store, rows["content"])
            return pl.DataFrame(list(stored), schema=IMAGES_SCHEMA, orient="row")

    def harmless(self) -> pl.DataFrame:
        """See :class:`vkflow.engines.engine.Worker`."""
        return HARMLESS

    def refuse(self, rows: pl.DataFrame, error: Exception) -> pl.DataFrame:
        """See :class:`vkflow.engines.engine.Worker`."""
        reason = f"Whoever decodes it fails or dies: {type(error).__name__}."
        return rows.select(
            "image_hash",
            pl.lit(None, pl.Int32).alias("width"),
            pl.lit(None, pl.Int32).alias("height"),
            pl.col("content").bin.size().cast(pl.Int64).alias("bytes"),
            pl.lit("refused").alias("status"),
            pl.lit(reason).alias("error"),
        )

    def _store(self, content: bytes) -> tuple[object, ...]:
        return tuple(asdict(store_picture(self._media, content, budget=self._decoding)).values())


def recruit_photo_worker(settings: Settings) -> Recruit:
    """How to make a :class:`PhotoWorker` elsewhere."""
    return _PhotoRecruit(settings_for_workers(settings))


@dataclass(frozen=True)
class _PhotoRecruit:
    settings: Settings

    def __call__(self) -> PhotoWorker:
        return PhotoWorker(self.settings)
