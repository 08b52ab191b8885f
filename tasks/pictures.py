"""Pictures to vectors, category scores and ranked tags."""

from collections.abc import Iterator

import duckdb
import polars as pl

from tasks.similarities import compare_with_texts
from tasks.step import run_logger, step, warehouse_of
from tasks.working import Work, work_off
from vkflow.engines.workers.pictures import PictureWorker, recruit_picture_worker
from vkflow.images.scores import Floats
from vkflow.images.tagger import PictureTagger, load_tagger
from vkflow.images.taxonomy import Taxonomy, load_taxonomy
from vkflow.modelling.vectors import as_lists, as_matrix
from vkflow.settings import Settings
from warehouse import constants, images


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
    categories = _category_embeddings(settings, tagger, taxonomy)
    done = work_off(settings, _work(settings, tagger, taxonomy, categories))
    run_logger().info(f"{done} pictures tagged" if done else "every picture is tagged already")
    compare_with_texts(settings, tagger, taxonomy, categories)
    return done


def _work(
    settings: Settings, tagger: PictureTagger, taxonomy: Taxonomy, categories: Floats
) -> Work:
    def export() -> Iterator[pl.DataFrame]:
        with warehouse_of(settings) as connection:
            yield from images.images_without_tags(
                connection, tagger.encoder_id, taxonomy.taxonomy_id, settings.images.chunk_images
            )

    return Work(
        step="tag pictures",
        subject=f"{tagger.encoder_id} {taxonomy.taxonomy_id}",
        doing="pictures tagged",
        keys=("image_hash",),
        export=export,
        here=PictureWorker(settings, tagger, taxonomy, categories),
        recruit=recruit_picture_worker(settings, tagger.encoder_id, taxonomy, categories),
        store=_store,
    )


def _store(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    damaged = rows.filter(pl.col("fault").is_not_null())
    if len(damaged):
        run_logger().warning("%d stored pictures cannot be read any more", len(damaged))
        images.write_image_failure(
            connection, damaged["image_hash"].to_list(), "lost", damaged["fault"][0]
        )
    tagged = rows.filter(pl.col("fault").is_null())
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
