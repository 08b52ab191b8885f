"""How well a post's text names what its picture shows, where the tagger reads its language."""

from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb
import polars as pl

from tasks.step import run_logger, warehouse_of
from tasks.working import Work, work_off
from vkflow.engines.workers.pictures import PairWorker, recruit_pair_worker
from vkflow.images.scores import Floats, language_accuracy
from vkflow.images.tagger import PictureTagger
from vkflow.images.taxonomy import Taxonomy
from vkflow.settings import Settings
from warehouse import images
from warehouse.faults import quarantine_faults

KNOWS_LANGUAGE = 0.5
"""Share of the taxonomy's Russian labels a text tower must place to be asked about texts."""


def compare_with_texts(
    settings: Settings, tagger: PictureTagger, taxonomy: Taxonomy, categories: Floats
) -> int:
    """Compare texts and pictures that were posted together; returns how many pairs.

    Nothing is compared where the text tower does not know Russian: its similarities would be
    noise. That is measured, on the Russian labels of the taxonomy.

    Args:
        settings: where the warehouse is, and how much to do at a time.
        tagger: the loaded CLIP.
        taxonomy: whose labels to try the text tower on.
        categories: their embeddings by the prompts, float32 (n_categories, d).
    """

    def export() -> Iterator[pl.DataFrame]:
        rows = settings.images.chunk_images
        with warehouse_of(settings) as connection:
            pairs = images.pairs_without_similarity(connection, tagger.encoder_id, rows)
            for number, some in enumerate(pairs):
                if number == 0 and not _knows_language(tagger, taxonomy, categories):
                    return
                yield some

    done = work_off(
        settings,
        Work(
            step="compare texts with pictures",
            subject=tagger.encoder_id,
            doing="pairs compared",
            keys=("text_hash", "image_hash"),
            export=export,
            here=PairWorker(tagger),
            recruit=recruit_pair_worker(settings, tagger.encoder_id),
            store=_store,
        ),
    )
    if done:
        run_logger().info("%d texts compared with their pictures", done)
    return done


def _store(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    compared = rows.filter(pl.col("fault").is_null()).drop("text", "fault")
    images.write_similarities(connection, compared)
    faulty = quarantine_faults(connection, "text tower", rows, "text_hash", datetime.now(UTC))
    if faulty:
        run_logger().warning(
            "%d texts cannot be compared with their pictures and are in quarantine; their posts "
            "are scored without that",
            faulty,
        )


def _knows_language(tagger: PictureTagger, taxonomy: Taxonomy, categories: Floats) -> bool:
    """Whether the text tower reads Russian well enough."""
    accuracy = language_accuracy(tagger.embed_texts(list(taxonomy.labels.values())), categories)
    if accuracy >= KNOWS_LANGUAGE:
        return True
    run_logger().info(
        "texts are not compared with pictures: %s places %.0f %% of the Russian labels",
        tagger.encoder_id,
        100 * accuracy,
    )
    return False
