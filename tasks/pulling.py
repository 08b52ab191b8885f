"""Pull: new posts, counts and pictures from the source into the warehouse."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from tasks.step import run_logger, step, warehouse_of
from vkflow.images.media import store_picture
from vkflow.settings import Settings
from vkflow.sources.opening import open_source
from vkflow.sources.validation import CheckedChunk, check_chunk
from vkflow.text.cleaning import text_hashes
from warehouse import images, posts
from warehouse.database import transaction

IMAGES_SCHEMA = {
    "owner_id": pl.Int64,
    "post_id": pl.Int64,
    "image_hash": pl.String,
    "width": pl.Int32,
    "height": pl.Int32,
    "bytes": pl.Int64,
    "status": pl.String,
    "error": pl.String,
}


@dataclass
class PullCounts:
    """What a pull did, in rows."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    snapshots: int = 0
    bad_pictures: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)


@step("pull posts")
def pull_posts(settings: Settings, as_of: datetime) -> PullCounts:
    """Store what the source has and the warehouse lacks, one transaction a chunk."""
    source = open_source(settings)
    with warehouse_of(settings) as connection:
        since = posts.read_watermark(connection, source.name)
    counts = PullCounts()
    for chunk in source.fetch(since, as_of):
        checked = check_chunk(chunk, as_of=as_of, max_characters=settings.text.max_characters)
        _store(settings, source.name, checked, chunk.watermark, as_of, counts)
    log = run_logger()
    log.info("%d posts seen: %d new, %d changed", counts.seen, counts.new, counts.changed)
    for reason, rows in counts.quarantined.most_common():
        log.warning("%d rows to quarantine: %s", rows, reason)
    return counts


def _store(
    settings: Settings,
    source: str,
    chunk: CheckedChunk,
    watermark: str | None,
    as_of: datetime,
    counts: PullCounts,
) -> None:
    pictures = _store_pictures(settings, chunk.pictures)
    rows = chunk.posts.with_columns(text_hashes(chunk.posts["text"])).join(
        pictures.select("owner_id", "post_id", "image_hash"), on=["owner_id", "post_id"], how="left"
    )
    with warehouse_of(settings) as connection, transaction(connection):
        written = posts.write_posts(connection, rows, source=source, seen_at=as_of)
        counts.snapshots += posts.write_snapshots(connection, chunk.snapshots, seen_at=as_of)
        images.write_images(connection, pictures.drop("owner_id", "post_id"))
        posts.write_quarantine(
            connection, source, chunk.rejected, accepted_keys=chunk.accepted_keys, seen_at=as_of
        )
        if watermark is not None:
            posts.write_watermark(connection, source, watermark)
    counts.seen += chunk.seen
    counts.new += written.new
    counts.changed += written.changed
    counts.bad_pictures += pictures.filter(pl.col("status") != "ok").height
    counts.quarantined.update(chunk.rejected["reason"].to_list())


def _store_pictures(settings: Settings, pictures: pl.DataFrame) -> pl.DataFrame:
    """Put pictures into the media store: a row for each, bad ones with their reason."""
    if settings.images.tagger == "none":
        return pl.DataFrame(schema=IMAGES_SCHEMA)
    rows = []
    for owner_id, post_id, content in pictures.iter_rows():
        stored = store_picture(settings.media_directory, content)
        rows.append(
            (
                owner_id,
                post_id,
                stored.image_hash,
                stored.width,
                stored.height,
                stored.n_bytes,
                stored.status,
                stored.error,
            )
        )
    return pl.DataFrame(rows, schema=IMAGES_SCHEMA, orient="row")
