"""Pull: new posts, counts and pictures from the source into the warehouse."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb
import polars as pl

from tasks.progress import progress
from tasks.pull_counts import PullCounts
from tasks.secrets import keep_vk_token
from tasks.step import forwarded_logs, run_logger, step, warehouse_of
from tasks.working import Work, worked_off
from vkflow.engines.engine import Engine
from vkflow.engines.opening import engine_when_needed
from vkflow.engines.workers.photos import IMAGES_SCHEMA, PhotoWorker, recruit_photo_worker
from vkflow.images.decoding import picture_hash
from vkflow.images.media import picture_name
from vkflow.settings import Settings
from vkflow.sources.opening import open_source
from vkflow.sources.source import REJECTED_SCHEMA, Chunk
from vkflow.sources.validation import CheckedChunk, check_chunk
from vkflow.text.cleaning import text_hashes
from warehouse import contents, images, owners, posts
from warehouse.parts import storing_parts

KEY = ["owner_id", "post_id"]
STORING = "store pictures"
LOST = "lost"
ASKING_THREADS = 8
"""An object store takes its time to say whether it has a file."""
PART_BYTES, PART_PICTURES = 2**23, 512
"""Of pictures in a part at most, but for one that is larger."""


@step("pull posts")
def pull_posts(settings: Settings, as_of: datetime) -> PullCounts:
    """Store what the source has and the warehouse lacks, one transaction a chunk."""
    source = open_source(settings, keep_vk_token)
    if settings.images.tagger != "none":
        settings.media.check()
    with warehouse_of(settings) as connection:
        since = posts.read_watermark(connection, source.name)
    with (
        forwarded_logs("vkflow.sources"),
        engine_when_needed(settings) as engine,
        progress("posts pulled") as advance,
    ):
        pull = _Pull(settings, source.name, as_of, engine)
        for chunk in source.fetch(since, as_of):
            before = pull.counts.seen
            pull.store(chunk)
            advance(pull.counts.seen - before)
    counts = pull.finish()
    counts.tell(run_logger())
    return counts


@dataclass(frozen=True)
class _StoredPictures:
    """Rows of ``images``, of how many each part had; and what is wrong with pictures, by hash."""

    rows: pl.DataFrame
    parts: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


class _Pull:
    """One pull: where it stores, what it did so far, and about what it complained."""

    def __init__(
        self, settings: Settings, source: str, as_of: datetime, engine: Callable[[], Engine]
    ) -> None:
        self._settings, self._source, self._as_of = settings, source, as_of
        self._complained: set[str] = set()
        self._written = contents.Written()
        self._engine, self._worker = engine, PhotoWorker(settings)
        self.counts = PullCounts()

    def store(self, chunk: Chunk) -> None:
        """Check a chunk and store it: its rows, its complaints and its watermark, or nothing."""
        checked = check_chunk(
            chunk, as_of=self._as_of, max_characters=self._settings.text.max_characters
        )
        pictures = self._hashed(checked.pictures)
        rows = self._rows(chunk, checked, pictures)
        with (
            self._stored_pictures(pictures) as stored,
            warehouse_of(self._settings) as connection,
            storing_parts(connection, STORING, stored.parts, datetime.now(UTC)),
        ):
            bad_pictures = _complaints(pictures, stored.problems)
            images.write_images(connection, stored.rows)
            fresh = posts.fresh_snapshots(connection, checked.snapshots, seen_at=self._as_of)
            refreshed = posts.count_known(connection, fresh, before=self._as_of)
            written = contents.write_posts(
                connection,
                rows,
                source=self._source,
                seen_at=self._as_of,
                read_at=chunk.read_at,
            )
            self.counts.snapshots += posts.add_snapshots(connection, fresh)
            owners.write_owners(connection, chunk.owners, seen_at=self._as_of)
            self._write_complaints(connection, checked, bad_pictures)
            if chunk.watermark is not None:
                posts.write_watermark(connection, self._source, chunk.watermark)
        self.counts.refreshed += refreshed
        self.counts.bad_pictures += len(bad_pictures)
        self._complained.update(bad_pictures["key"])
        self.counts.corrected += posts.count_conflicts(checked.snapshots, fresh)
        self._count(checked, written)

    def finish(self) -> PullCounts:
        """Settle what all chunks together changed; returns what was done."""
        unmoved = self._written.unmoved
        if not unmoved.is_empty():
            with warehouse_of(self._settings) as connection:
                contents.keep_moments(connection, unmoved)
        self.counts.changed = self._written.changed
        return self.counts

    def _count(self, checked: CheckedChunk, written: contents.Written) -> None:
        self._complained.update(checked.rejected["key"])
        self.counts.seen += checked.seen
        self.counts.new += written.new
        self.counts.contradicted += written.conflicts
        self._written += written
        self.counts.quarantined.update(checked.rejected["reason"])

    def _write_complaints(
        self,
        connection: duckdb.DuckDBPyConnection,
        checked: CheckedChunk,
        bad_pictures: pl.DataFrame,
    ) -> None:
        posts.write_quarantine(
            connection,
            self._source,
            pl.concat([checked.rejected, bad_pictures]),
            accepted_keys=self._answered(checked),
            seen_at=self._as_of,
            reread=checked.reread,
        )

    def _answered(self, checked: CheckedChunk) -> pl.DataFrame:
        """Keys whose earlier complaints are void: those of this run stand."""
        picture = pl.format("{}_{} picture", "owner_id", "post_id").alias("key")
        keys = pl.concat(
            [
                checked.accepted_keys,
                checked.rejected.select("key"),
                checked.posts.select(picture),
            ]
        )
        return keys.filter(~pl.col("key").is_in(list(self._complained)))

    def _rows(self, chunk: Chunk, checked: CheckedChunk, pictures: pl.DataFrame) -> pl.DataFrame:
        """Posts with their hashes, and whether they await a picture.

        It could not be read, or pictures are switched off.
        """
        awaited = chunk.keeps_picture
        if self._settings.images.tagger == "none":
            awaited = pl.concat([awaited, checked.pictures.select(KEY)])
        awaited = awaited.unique().with_columns(awaits_picture=pl.lit(value=True))
        return (
            checked.posts.with_columns(text_hashes(checked.posts["text"]))
            .join(pictures.drop("content"), on=KEY, how="left", maintain_order="left")
            .join(awaited, on=KEY, how="left", maintain_order="left")
            .with_columns(pl.col("awaits_picture").fill_null(value=False))
        )

    def _hashed(self, pictures: pl.DataFrame) -> pl.DataFrame:
        """Pictures with their ``image_hash``; none where pictures are switched off."""
        if self._settings.images.tagger == "none":
            pictures = pictures.clear()
        hashes = [picture_hash(content) for content in pictures["content"]]
        return pictures.with_columns(pl.Series("image_hash", hashes, dtype=pl.String))

    @contextmanager
    def _stored_pictures(self, pictures: pl.DataFrame) -> Iterator[_StoredPictures]:
        """Have new pictures put into the media store; their rows are to be written in the block.

        Those that are known are not decoded again, unless their file got lost or damaged.
        """
        if pictures.is_empty():
            yield _StoredPictures(pl.DataFrame(schema=IMAGES_SCHEMA))
            return
        pictures = pictures.unique("image_hash", maintain_order=True)
        with warehouse_of(self._settings) as connection:
            known = images.known_images(connection, pictures)
        missing = pictures.filter(~pl.col("image_hash").is_in(self._in_place(known)))
        with worked_off(self._settings, self._work(missing), self._engine) as results:
            rows = pl.concat([pl.DataFrame(schema=IMAGES_SCHEMA), *results.values()])
            statuses = pl.concat([known, rows.select(known.columns)]).unique(
                "image_hash", keep="last"
            )
            yield _StoredPictures(
                rows,
                {name: len(result) for name, result in results.items()},
                {
                    image_hash: f"the picture cannot be used: {error or status}"
                    for image_hash, status, error in statuses.iter_rows()
                    if status != "ok"
                },
            )

    def _work(self, pictures: pl.DataFrame) -> Work:
        return Work(
            step=STORING,
            subject=self._settings.images.media or "media in the home",
            doing="pictures stored",
            keys=("image_hash",),
            export=lambda: _in_parts(pictures.select("image_hash", "content")),
            here=self._worker,
            recruit=recruit_photo_worker(self._settings),
            wants_gpu=False,
        )

    def _in_place(self, known: pl.DataFrame) -> list[str]:
        with ThreadPoolExecutor(ASKING_THREADS) as pool:
            statuses = list(known.select("image_hash", "status").iter_rows())
            are_there = pool.map(lambda row: self._is_in_place(*row), statuses)
            return [
                name for (name, _), is_there in zip(statuses, are_there, strict=True) if is_there
            ]

    def _is_in_place(self, image_hash: str, status: str) -> bool:
        if status == "ok":  # one that is not kept is gone as soon as it is tagged
            return not self._settings.images.keep or self._settings.media.has(
                picture_name(image_hash)
            )
        return status != LOST


def _in_parts(pictures: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Slices of a bounded number of pictures and bytes."""
    start, held = 0, 0
    for place, size in enumerate(pictures["content"].bin.size()):
        if place > start and (held + size > PART_BYTES or place - start == PART_PICTURES):
            yield pictures[start:place]
            start, held = place, 0
        held += size
    if start < len(pictures):
        yield pictures[start:]


def _complaints(pictures: pl.DataFrame, problems: dict[str, str]) -> pl.DataFrame:
    """Rows of the quarantine: a post is kept without a picture that cannot be used."""
    rows = [
        (f"{owner_id}_{post_id} picture", problems[image_hash], image_hash)
        for owner_id, post_id, image_hash in pictures.select(
            "owner_id", "post_id", "image_hash"
        ).iter_rows()
        if image_hash in problems
    ]
    return pl.DataFrame(rows, schema=dict(REJECTED_SCHEMA), orient="row")
