"""Texts to statistics and vectors; equal texts are worked on once."""

from dataclasses import dataclass

import polars as pl

from tasks.progress import progress
from tasks.step import run_logger, step, warehouse_of
from vkflow.modelling.vectors import as_lists
from vkflow.settings import Settings
from vkflow.text.cleaning import clean_for_encoder
from vkflow.text.encoders import Progress, TextEncoder, load_encoder
from vkflow.text.statistics import VERSION, text_statistics
from warehouse import constants, texts

STATISTICS_CHUNK = 20_000


@dataclass(frozen=True)
class TextCounts:
    """What the step did."""

    texts: int = 0
    tokens: int = 0
    truncated: int = 0


@step("count words")
def compute_text_statistics(settings: Settings) -> int:
    """Statistics of every text that has none yet; returns their number."""
    done = 0
    while True:
        with warehouse_of(settings) as connection:
            waiting = texts.texts_without_statistics(connection, VERSION, STATISTICS_CHUNK)
            if waiting.is_empty():
                return done
            statistics = text_statistics(waiting["text"])
            done += texts.write_text_statistics(
                connection, statistics.with_columns(waiting["text_hash"])
            )


@step("embed texts")
def embed_texts(settings: Settings) -> TextCounts:
    """Vectors of every text that has none of this encoder yet, saved chunk by chunk."""
    encoder = load_encoder(settings)
    with warehouse_of(settings) as connection:
        constants.write_constant(connection, "encoder_id", encoder.encoder_id)
        total = texts.count_texts_without_embedding(connection, encoder.encoder_id)
    if total == 0:
        run_logger().info("every text has its vector already")
        return TextCounts()
    done = tokens = truncated = 0
    with progress("texts embedded", total) as advance:
        while chunk := _embed_chunk(settings, encoder, advance):
            done += chunk.texts
            tokens += chunk.tokens
            truncated += chunk.truncated
    run_logger().info("%d texts embedded, %d tokens, %d texts cut", done, tokens, truncated)
    return TextCounts(done, tokens, truncated)


def _embed_chunk(settings: Settings, encoder: TextEncoder, advance: Progress) -> TextCounts | None:
    """Embed and store one chunk; the file is not held while the model works."""
    limit = settings.text.chunk_texts or encoder.chunk_texts
    with warehouse_of(settings) as connection:
        waiting = texts.texts_without_embedding(connection, encoder.encoder_id, limit)
    if waiting.is_empty():
        return None
    encoded = encoder.encode(clean_for_encoder(waiting["text"]).to_list(), advance)
    rows = waiting.select(
        "text_hash",
        pl.lit(encoder.encoder_id).alias("encoder_id"),
        as_lists(encoded.vectors).alias("embedding"),
        pl.Series("n_tokens", encoded.n_tokens),
        pl.Series("truncated", encoded.truncated),
    )
    with warehouse_of(settings) as connection:
        texts.write_text_embeddings(connection, rows)
    return TextCounts(len(rows), int(encoded.n_tokens.sum()), int(encoded.truncated.sum()))
