"""The sample world as a source: on any night it shows what was there by then."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from vkflow.errors import SourceError
from vkflow.sources.source import PICTURES_SCHEMA, POSTS_SCHEMA, SNAPSHOTS_SCHEMA, TIME, Chunk

CHUNK_POSTS = 10_000
CHUNK_SNAPSHOTS = 100_000
KEY = ["owner_id", "post_id"]


class SampleSource:
    """Reads the files ``vkflow sample`` wrote; never the truth."""

    name = "sample"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def fetch(self, since: str | None, as_of: datetime) -> Iterator[Chunk]:
        """Posts published and snapshots observed after the watermark, until ``as_of``."""
        after = datetime.fromisoformat(since) if since else datetime.min.replace(tzinfo=UTC)
        keys = pl.read_parquet(self._file("pictures"), columns=KEY).with_row_index()
        for posts in self._between("posts", "published_at", after, as_of, CHUNK_POSTS):
            pictures = self._pictures(keys.join(posts, on=KEY, how="semi"))
            undated = posts.with_columns(pl.lit(None, TIME).alias("observed_at"))
            yield Chunk(posts=undated.select(*POSTS_SCHEMA), pictures=pictures)
        for counts in self._between("snapshots", "observed_at", after, as_of, CHUNK_SNAPSHOTS):
            kind = pl.lit(None, pl.Boolean).alias("reposts_with_messages")
            yield Chunk(snapshots=counts.with_columns(kind).select(*SNAPSHOTS_SCHEMA))
        yield Chunk(watermark=max(after, as_of).isoformat())

    def _between(
        self, name: str, column: str, after: datetime, until: datetime, rows: int
    ) -> Iterator[pl.DataFrame]:
        """Rows of a file from after a moment until another, which lie in the order of time."""
        moment = pl.col(column)
        with pq.ParquetFile(self._file(name)) as file:
            for batch in file.iter_batches(rows):
                found = pl.DataFrame(batch).filter(moment > after, moment <= until)
                if not found.is_empty():
                    yield found

    def _pictures(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """Pictures of these keys and places; they lie in the order of their posts, as a rule."""
        if wanted.is_empty():
            return pl.DataFrame(schema=PICTURES_SCHEMA)
        places = wanted["index"].to_numpy()
        first, last = int(places.min()), int(places.max())
        span = pl.scan_parquet(self._file("pictures")).slice(first, last - first + 1).collect()
        return span.join(wanted, on=KEY, how="semi").select(*PICTURES_SCHEMA)

    def _file(self, name: str) -> Path:
        file = self._directory / f"{name}.parquet"
        # world.json is written last: without it the other files may be half of a sample.
        if not file.exists() or not (self._directory / "world.json").exists():
            raise SourceError(f"{self._directory} holds no sample; write one with `vkflow sample`")
        return file
