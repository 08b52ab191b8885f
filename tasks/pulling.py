"""Pull: new posts, counts and pictures from the source into the warehouse."""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from tasks.progress import progress
from tasks.secrets import keep_vk_token
from tasks.step import forwarded_logs, run_logger, step, warehouse_of
from vkflow.images.budgets import ByteBudget
from vkflow.images.decoding import picture_hash
from vkflow.images.media import StoredPicture, picture_name, store_picture
from vkflow.settings import Settings
from vkflow.sources.opening import open_source
from vkflow.sources.source import REJECTED_SCHEMA, Chunk
from vkflow.sources.validation import CheckedChunk, check_chunk
from vkflow.text.cleaning import text_hashes
from warehouse import images, owners, posts
from warehouse.database import transaction

IMAGES_SCHEMA = {
    "image_hash": pl.String,
    "width": pl.Int32,
    "height": pl.Int32,
    "bytes": pl.Int64,
    "status": pl.String,
    "error": pl.String,
}
LOST = "lost"
MAX_DECODERS = 8


@dataclass
class PullCounts:
    """What a pull did.

    Attributes:
        seen: posts that came, rejected ones included.
        new: posts the warehouse did not have.
        changed: posts with another text, picture or date than before.
        refreshed: posts of earlier runs that got newer counts.
        snapshots: snapshots added.
        corrected: counts given up for others of the same moment that were delivered later.
        bad_pictures: pictures that are none, or are damaged.
        quarantined: rejected rows by reason.
    """

    seen: int = 0
    new: int = 0
    changed: int = 0
    refreshed: int = 0
    snapshots: int = 0
    corrected: int = 0
    bad_pictures: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, object]:
        """For JSON; ``asdict`` would make a count of pairs of the count of reasons."""
        return {**vars(self), "quarantined": dict(self.quarantined)}


@step("pull posts")
def pull_posts(settings: Settings, as_of: datetime) -> PullCounts:
    """Store what the source has and the warehouse lacks, one transaction a chunk."""
    source = open_source(settings, keep_vk_token)
    with warehouse_of(settings) as connection:
        since = posts.read_watermark(connection, source.name)
    pull = _Pull(settings, source.name, as_of)
    with forwarded_logs("vkflow.sources"), progress("posts pulled") as advance:
        for chunk in source.fetch(since, as_of):
            before = pull.counts.seen
            pull.store(chunk)
            advance(pull.counts.seen - before)
    counts, log = pull.counts, run_logger()
    log.info(
        "%d posts seen: %d new, %d changed, %d refreshed",
        counts.seen,
        counts.new,
        counts.changed,
        counts.refreshed,
    )
    if counts.corrected:
        log.warning(
            "%d counts were given up for others of the same moment: the newest delivered count",
            counts.corrected,
        )
    for reason, rows in counts.quarantined.most_common():
        log.warning("%d rows to quarantine: %s", rows, reason)
    return counts


class _Pull:
    """One pull: where it stores, what it did so far, and about what it complained."""

    def __init__(self, settings: Settings, source: str, as_of: datetime) -> None:
        self._settings, self._source, self._as_of = settings, source, as_of
        self._complained: set[str] = set()
        self._decoding = ByteBudget(settings.memory_bytes)
        self.counts = PullCounts()

    def store(self, chunk: Chunk) -> None:
        """Check a chunk and store it: its rows, its complaints and its watermark, or nothing."""
        checked = check_chunk(
            chunk, as_of=self._as_of, max_characters=self._settings.text.max_characters
        )
        pictures = self._hashed(checked.pictures)
        rows = checked.posts.with_columns(text_hashes(checked.posts["text"])).join(
            pictures.drop("content"), on=["owner_id", "post_id"], how="left"
        )
        new_images, statuses = self._store_pictures(pictures)
        bad_pictures = _complaints(pictures, statuses)
        with warehouse_of(self._settings) as connection, transaction(connection):
            fresh = posts.fresh_snapshots(connection, checked.snapshots, seen_at=self._as_of)
            refreshed = posts.count_known(connection, fresh, before=self._as_of)
            written = posts.write_posts(
                connection,
                rows,
                source=self._source,
                seen_at=self._as_of,
                awaiting=self._awaiting(chunk, checked),
            )
            self.counts.snapshots += posts.add_snapshots(connection, fresh)
            images.write_images(connection, new_images)
            owners.write_owners(connection, chunk.owners, seen_at=self._as_of)
            posts.write_quarantine(
                connection,
                self._source,
                pl.concat([checked.rejected, bad_pictures]),
                accepted_keys=self._answered(checked),
                seen_at=self._as_of,
                reread=checked.reread,
            )
            if chunk.watermark is not None:
                posts.write_watermark(connection, self._source, chunk.watermark)
        self._complained.update(checked.rejected["key"])
        self.counts.seen += checked.seen
        self.counts.new += written.new
        self.counts.changed += written.changed
        self.counts.refreshed += refreshed
        self.counts.corrected += posts.count_conflicts(checked.snapshots, fresh)
        self.counts.quarantined.update(checked.rejected["reason"])

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

    def _awaiting(self, chunk: Chunk, checked: CheckedChunk) -> pl.DataFrame:
        """Posts whose picture does not come: it could not be read, or pictures are switched off."""
        if self._settings.images.tagger != "none":
            return chunk.keeps_picture
        return pl.concat([chunk.keeps_picture, checked.pictures.select("owner_id", "post_id")])

    def _hashed(self, pictures: pl.DataFrame) -> pl.DataFrame:
        """Pictures with their ``image_hash``; none where pictures are switched off."""
        if self._settings.images.tagger == "none":
            pictures = pictures.clear()
        hashes = [picture_hash(content) for content in pictures["content"]]
        return pictures.with_columns(pl.Series("image_hash", hashes, dtype=pl.String))

    def _store_pictures(self, pictures: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
        """Put new pictures into the media store.

        Returns:
            Their rows of ``images``, and what is wrong with pictures that cannot be used.

        Those that are known are not decoded again, unless their file got lost or damaged.
        """
        if pictures.is_empty():
            return pl.DataFrame(schema=IMAGES_SCHEMA), {}
        with warehouse_of(self._settings) as connection:
            known = dict(images.known_images(connection, pictures).iter_rows())
        contents = pictures["content"]
        places = {
            image_hash: row
            for row, image_hash in enumerate(pictures["image_hash"])
            if not self._is_in_place(image_hash, known.get(image_hash))
        }
        with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_DECODERS)) as decoders:
            stored = list(
                decoders.map(
                    lambda image_hash: store_picture(
                        self._settings.media, contents[places[image_hash]], budget=self._decoding
                    ),
                    places,
                )
            )
        statuses = known | {picture.image_hash: picture.status for picture in stored}
        self.counts.bad_pictures += sum(
            statuses[image_hash] != "ok" for image_hash in pictures["image_hash"]
        )
        problems = {
            image_hash: f"the picture cannot be used: {status}"
            for image_hash, status in statuses.items()
            if status != "ok"
        }
        problems |= {
            picture.image_hash: f"the picture cannot be used: {picture.error}"
            for picture in stored
            if picture.error
        }
        rows = pl.DataFrame([_image(each) for each in stored], schema=IMAGES_SCHEMA, orient="row")
        return rows, problems

    def _is_in_place(self, image_hash: str, status: str | None) -> bool:
        if status == "ok":  # one that is not kept is gone as soon as it is tagged
            return not self._settings.images.keep or self._settings.media.has(
                picture_name(image_hash)
            )
        return status not in (None, LOST)


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


def _image(stored: StoredPicture) -> tuple[object, ...]:
    return (
        stored.image_hash,
        stored.width,
        stored.height,
        stored.n_bytes,
        stored.status,
        stored.error,
    )
