"""Texts to statistics and vectors; equal texts are worked on once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import polars as pl

from tasks.step import forwarded_logs, run_logger, step, warehouse_of
from tasks.working import Work, work_off
from vkflow.engines.workers.texts import TextWorker, recruit_text_worker
from vkflow.settings import Settings
from vkflow.text.encoders import TextEncoder
from vkflow.text.loading import load_encoder
from vkflow.text.statistics import VERSION, text_statistics
from warehouse import constants, texts
from warehouse.faults import quarantine_faults

STATISTICS_CHUNK = 20_000


@dataclass
class TextCounts:
    """What the step did."""

    texts: int = 0
    tokens: int = 0
    truncated: int = 0


@step("count words")
def compute_text_statistics(settings: Settings) -> int:
    """Statistics of every text that has none yet; returns their number."""
    done = 0
    with warehouse_of(settings) as connection:
        for waiting in texts.texts_without_statistics(connection, VERSION, STATISTICS_CHUNK):
            statistics = text_statistics(waiting["text"])
            done += texts.write_text_statistics(
                connection, statistics.with_columns(waiting["text_hash"])
            )
    return done


@step("embed texts")
def embed_texts(settings: Settings) -> TextCounts:
    """Vectors of every text that has none of this encoder yet, saved part by part.

    A text the encoder fails on goes to the quarantine, and its post is scored without it.
    """
    with forwarded_logs("vkflow.text"):
        encoder = load_encoder(settings)
        with warehouse_of(settings) as connection:
            constants.write_constant(connection, "encoder_id", encoder.encoder_id)
        counts = TextCounts()
        if not work_off(settings, _work(settings, encoder, counts)):
            run_logger().info("every text has its vector already")
            return counts
    run_logger().info(
        "%d texts embedded, %d tokens, %d texts cut", counts.texts, counts.tokens, counts.truncated
    )
    return counts


def _work(settings: Settings, encoder: TextEncoder, counts: TextCounts) -> Work:
    def export() -> Iterator[pl.DataFrame]:
        rows = settings.text.chunk_texts or encoder.chunk_texts
        with warehouse_of(settings) as connection:
            yield from texts.texts_without_embedding(connection, encoder.encoder_id, rows)

    def store(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
        _store(connection, rows, counts)

    return Work(
        step="embed texts",
        subject=encoder.encoder_id,
        doing="texts embedded",
        keys=("text_hash",),
        export=export,
        here=TextWorker(encoder),
        recruit=recruit_text_worker(load_encoder, settings, encoder.encoder_id),
        store=store,
    )


def _store(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame, counts: TextCounts) -> None:
    embedded = rows.filter(pl.col("fault").is_null()).drop("fault", "text")
    texts.write_text_embeddings(connection, embedded)
    counts.texts += len(embedded)
    counts.tokens += int(embedded["n_tokens"].sum())
    counts.truncated += int(embedded["truncated"].sum())
    faulty = quarantine_faults(connection, "text encoder", rows, "text_hash", datetime.now(UTC))
    if faulty:
        run_logger().warning(
            "%d texts cannot be embedded and are in quarantine; their posts are scored "
            "without them",
            faulty,
        )
