"""Pictures to vectors, category scores and ranked tags."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import polars as pl

from tasks.similarities import compare_with_texts
from tasks.step import run_logger, step, warehouse_of
from tasks.working import Work, work_off
from vkflow.engines.workers.pictures import LOST, PictureWorker, recruit_picture_worker
from vkflow.images.media import stored_hash
from vkflow.images.scores import Floats
from vkflow.images.tagger import PictureTagger, load_tagger
from vkflow.images.taxonomy import Taxonomy, load_taxonomy
from vkflow.modelling.vectors import as_lists, as_matrix
from vkflow.settings import Settings
from warehouse import constants, images
from warehouse.faults import quarantine_faults


@dataclass
class PictureCounts:
    """What the step did.

    Attributes:
        tagged: pictures that got tags.
        lost: pictures whose file is gone or damaged.
        faulty: pictures that the tagger fails on.
    """

    tagged: int = 0
    lost: int = 0
    faulty: int = 0


@step("tag pictures")
def tag_pictures(settings: Settings) -> int:
    """Tag every good picture that is not tagged yet, and compare it with its text.

    Returns:
        The number of pictures tagged.
    """
    if settings.images.tagger == "none":
        run_logger().info("pictures are switched off (images.tagger = none)")
        with warehouse_of(settings) as connection:
            constants.write_constant(connection, "tagger_id", "none")
        return 0
    taxonomy = load_taxonomy(settings.images.taxonomy_name)
    tagger = load_tagger(
        settings.images.tagger, device=settings.device, precision=settings.precision
    )
    with warehouse_of(settings) as connection:
        constants.write_constant(connection, "tagger_id", tagger.encoder_id)
        constants.write_constant(connection, "taxonomy", taxonomy.taxonomy_id)
    settings.media.check()
    categories, counts = _category_embeddings(settings, tagger, taxonomy), PictureCounts()
    try:
        done = work_off(settings, _work(settings, tagger, taxonomy, categories, counts))
    finally:
        _tell_faults(settings, counts)
    run_logger().info(
        f"{counts.tagged} pictures tagged" if done else "every picture is tagged already"
    )
    compare_with_texts(settings, tagger, taxonomy, categories)
    if not settings.images.keep:
        _drop_tagged(settings, tagger, taxonomy)
    return counts.tagged


def _tell_faults(settings: Settings, counts: PictureCounts) -> None:
    if counts.lost:
        reason = "" if settings.images.keep else " (images.keep is false)"
        run_logger().warning(
            "%d pictures are gone or damaged%s and get no tags of this tagger, unless the source "
            "delivers them again",
            counts.lost,
            reason,
        )
    if counts.faulty:
        run_logger().warning(
            "%d pictures cannot be tagged and are in quarantine; their posts are scored without "
            "them",
            counts.faulty,
        )


def _drop_tagged(settings: Settings, tagger: PictureTagger, taxonomy: Taxonomy) -> None:
    """Remove the files of pictures that have all they are needed for."""
    media = settings.media
    names = {image_hash: name for name in media.names() if (image_hash := stored_hash(name))}
    hashes = pl.DataFrame({"image_hash": list(names)}, schema={"image_hash": pl.String})
    with warehouse_of(settings) as connection:
        tagged = images.tagged_images(connection, hashes, tagger.encoder_id, taxonomy.taxonomy_id)
    media.remove([names[image_hash] for image_hash in tagged])
    run_logger().info("%d tagged pictures dropped (images.keep is false)", len(tagged))


def _work(
    settings: Settings,
    tagger: PictureTagger,
    taxonomy: Taxonomy,
    categories: Floats,
    counts: PictureCounts,
) -> Work:
    def export() -> Iterator[pl.DataFrame]:
        with warehouse_of(settings) as connection:
            yield from images.images_without_tags(
                connection, tagger.encoder_id, taxonomy.taxonomy_id, settings.images.chunk_images
            )

    def store(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
        _store(connection, rows, counts)

    return Work(
        step="tag pictures",
        subject=f"{tagger.encoder_id} {taxonomy.taxonomy_id}",
        doing="pictures tagged",
        keys=("image_hash",),
        export=export,
        here=PictureWorker(settings, tagger, taxonomy, categories),
        recruit=recruit_picture_worker(settings, tagger.encoder_id, taxonomy, categories),
        store=store,
    )


def _store(
    connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame, counts: PictureCounts
) -> None:
    lost = rows.filter(pl.col("fault") == LOST)
    if len(lost):
        images.write_image_failure(connection, lost["image_hash"].to_list(), "lost", LOST)
    faulty = rows.filter(pl.col("fault") != LOST)
    counts.faulty += quarantine_faults(
        connection, "picture tagger", faulty, "image_hash", datetime.now(UTC)
    )
    tagged = rows.filter(pl.col("fault").is_null())
    counts.tagged += len(tagged)
    counts.lost += len(lost)
    keys = ("image_hash", "encoder_id", "taxonomy")
    images.write_tags(
        connection,
        tagged.select("image_hash", "encoder_id", "embedding"),
        tagged.select(*keys, "scores"),
        tagged.select(*keys, "tags").explode("tags").unnest("tags"),
    )


def _category_embeddings(settings: Settings, tagger: PictureTagger, taxonomy: Taxonomy) -> Floats:
    """The prompt ensemble: computed once for an encoder and taxonomy, then read."""
    with warehouse_of(settings) as connection:
        stored = images.read_category_embeddings(
            connection, tagger.encoder_id, taxonomy.taxonomy_id
        )
    if not stored.is_empty():
        return as_matrix(stored["embedding"])[0]
    embeddings = tagger.category_embeddings(taxonomy)
    rows = pl.DataFrame(
        {
            "position": range(len(embeddings)),
            "category": [category.name for category in taxonomy.categories],
            "embedding": as_lists(embeddings),
        }
    ).with_columns(
        pl.lit(tagger.encoder_id).alias("encoder_id"),
        pl.lit(taxonomy.taxonomy_id).alias("taxonomy"),
    )
    with warehouse_of(settings) as connection:
        images.write_category_embeddings(connection, rows)
    return embeddings
