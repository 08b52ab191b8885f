"""Pictures to vectors, category scores and ranked tags."""

import duckdb
import numpy as np
import polars as pl

from tasks.progress import progress
from tasks.similarities import compare_with_texts
from tasks.step import run_logger, step, warehouse_of
from vkflow.images.media import media_path
from vkflow.images.scores import Floats, category_scores, top_tags
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
        total = images.count_images_without_tags(
            connection, tagger.encoder_id, taxonomy.taxonomy_id
        )
    if total == 0:
        run_logger().info("every picture is tagged already")
    categories = _category_embeddings(settings, tagger, taxonomy)
    done = _tag_all(settings, tagger, taxonomy, categories, total) if total else 0
    compare_with_texts(settings, tagger, taxonomy, categories)
    return done


def _tag_all(
    settings: Settings,
    tagger: PictureTagger,
    taxonomy: Taxonomy,
    categories: Floats,
    total: int,
) -> int:
    done = 0
    with progress("pictures tagged", total) as advance:
        while done < total and (tagged := _tag_chunk(settings, tagger, taxonomy, categories)):
            done += tagged
            advance(tagged)
    run_logger().info("%d pictures tagged", done)
    return done


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


def _tag_chunk(
    settings: Settings, tagger: PictureTagger, taxonomy: Taxonomy, categories: Floats
) -> int:
    """Tag and store one chunk; the file is not held while the model works."""
    with warehouse_of(settings) as connection:
        hashes = images.images_without_tags(
            connection, tagger.encoder_id, taxonomy.taxonomy_id, settings.images.chunk_images
        )
    if not hashes:
        return 0
    paths = [media_path(settings.media_directory, image_hash) for image_hash in hashes]
    embeddings = tagger.embed(paths, settings.images.batch_size)
    readable = ~np.isnan(embeddings[:, 0])
    unreadable = [h for h, is_readable in zip(hashes, readable, strict=True) if not is_readable]
    kept = pl.DataFrame({"image_hash": hashes}).filter(pl.Series(readable))
    with warehouse_of(settings) as connection:
        if unreadable:
            run_logger().warning("%d stored pictures cannot be read any more", len(unreadable))
            images.write_image_failure(connection, unreadable, "lost", "the stored file is damaged")
        if len(kept):
            scores = category_scores(embeddings[readable], categories, tagger.logit_scale)
            ranked = settings.images.ranked_tags
            _write(connection, tagger, taxonomy, kept, embeddings[readable], scores, ranked)
    return len(hashes)


def _write(
    connection: duckdb.DuckDBPyConnection,
    tagger: PictureTagger,
    taxonomy: Taxonomy,
    kept: pl.DataFrame,
    embeddings: Floats,
    scores: Floats,
    ranked_tags: int,
) -> None:
    encoder_id = pl.lit(tagger.encoder_id).alias("encoder_id")
    taxonomy_id = pl.lit(taxonomy.taxonomy_id).alias("taxonomy")
    names = [category.name for category in taxonomy.categories]
    ranked = top_tags(scores, names, ranked_tags)
    tags = [
        (image_hash, tag.category, tag.score, tag.rank)
        for image_hash, best in zip(kept["image_hash"], ranked, strict=True)
        for tag in best
    ]
    columns = {
        "image_hash": pl.String,
        "category": pl.String,
        "score": pl.Float32,
        "rank": pl.Int32,
    }
    images.write_tags(
        connection,
        kept.select("image_hash", encoder_id, as_lists(embeddings).alias("embedding")),
        kept.select("image_hash", encoder_id, taxonomy_id, as_lists(scores).alias("scores")),
        pl.DataFrame(tags, schema=columns, orient="row").with_columns(encoder_id, taxonomy_id),
    )
