"""The sample world as a source: on any night it shows what was there by then."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from vkflow.errors import SourceError
from vkflow.sources.source import PICTURES_SCHEMA, POSTS_SCHEMA, SNAPSHOTS_SCHEMA, TIME, Chunk

CHUNK_POSTS = 1_000
CHUNK_SNAPSHOTS = 20_000


class SampleSource:
    """Reads the files ``vkflow sample`` wrote; never the truth."""

    name = "sample"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def fetch(self, since: str | None, as_of: datetime) -> Iterator[Chunk]:
        """Posts published and snapshots observed after the watermark, until ``as_of``."""
        after = datetime.fromisoformat(since) if since else datetime.min.replace(tzinfo=UTC)
        posts = self._between("posts", "published_at", after, as_of).with_columns(
            pl.lit(None, TIME).alias("observed_at")
        )
        snapshots = self._between("snapshots", "observed_at", after, as_of).with_columns(
            pl.lit(None, pl.Boolean).alias("reposts_with_messages")
        )
        pictures = self._scan("pictures")
        new = posts.select(*POSTS_SCHEMA).collect()
        for chunk in new.iter_slices(CHUNK_POSTS):
            wanted = chunk.lazy().select("owner_id", "post_id")
            content = pictures.join(wanted, on=["owner_id", "post_id"], how="semi")
            yield Chunk(posts=chunk, pictures=content.select(*PICTURES_SCHEMA).collect())
        for counts in snapshots.select(*SNAPSHOTS_SCHEMA).collect().iter_slices(CHUNK_SNAPSHOTS):
            yield Chunk(snapshots=counts)
        yield Chunk(watermark=max(after, as_of).isoformat())

    def _between(self, name: str, column: str, after: datetime, until: datetime) -> pl.LazyFrame:
        moment = pl.col(column)
        return self._scan(name).filter(moment > after, moment <= until).sort(column)

    def _scan(self, name: str) -> pl.LazyFrame:
        file = self._directory / f"{name}.parquet"
        # world.json is written last: without it the other files may be half of a sample.
        if not file.exists() or not (self._directory / "world.json").exists():
            raise SourceError(f"{self._directory} holds no sample; write one with `vkflow sample`")
        return pl.scan_parquet(file)
