"""Texts to statistics and vectors; equal texts are worked on once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from tasks.progress import progress
from tasks.step import heard, run_logger, step, warehouse_of
from vkflow.modelling.vectors import as_lists
from vkflow.settings import Settings
from vkflow.text.cleaning import clean_for_encoder
from vkflow.text.encoders import Progress, TextEncoder
from vkflow.text.fault_isolation import (
    IsolatedTexts,
    encode_isolating_faults,
    encoder_in_own_process,
)
from vkflow.text.loading import load_encoder
from vkflow.text.statistics import VERSION, text_statistics
from warehouse import constants, texts

EncodeChunk = Callable[[list[str], Progress], IsolatedTexts]

STATISTICS_CHUNK = 20_000
WORKING = "embedding_texts_with"
"""Constant: the encoder at work. Found at the start, the last run died while it was."""
IDLE = "nobody"


@dataclass(frozen=True)
class TextCounts:
    """What the step did."""

    texts: int = 0
    tokens: int = 0
    truncated: int = 0

    def __add__(self, other: "TextCounts") -> "TextCounts":
        return TextCounts(
            self.texts + other.texts,
            self.tokens + other.tokens,
            self.truncated + other.truncated,
        )


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
    """Vectors of every text that has none of this encoder yet, saved chunk by chunk.

    A text the encoder fails on goes to the quarantine, and its post is scored without it.
    """
    with heard("vkflow.text"):
        encoder = load_encoder(settings)
    with warehouse_of(settings) as connection:
        constants.write_constant(connection, "encoder_id", encoder.encoder_id)
        total = texts.count_texts_without_embedding(connection, encoder.encoder_id)
    if total == 0:
        run_logger().info("every text has its vector already")
        return TextCounts()
    counts = TextCounts()
    with _encode_safely(settings, encoder) as encode, progress("texts embedded", total) as advance:
        while chunk := _embed_chunk(settings, encoder, encode, advance):
            counts += chunk
    run_logger().info(
        "%d texts embedded, %d tokens, %d texts cut", counts.texts, counts.tokens, counts.truncated
    )
    return counts


def _embed_chunk(
    settings: Settings, encoder: TextEncoder, encode: EncodeChunk, advance: Progress
) -> TextCounts | None:
    """Embed and store one chunk; the file is not held while the model works."""
    limit = settings.text.chunk_texts or encoder.chunk_texts
    with warehouse_of(settings) as connection:
        waiting = texts.texts_without_embedding(connection, encoder.encoder_id, limit)
    if waiting.is_empty():
        return None
    isolated = encode(clean_for_encoder(waiting["text"]).to_list(), advance)
    encoded = isolated.encoded
    rows = waiting[isolated.places].select(
        "text_hash",
        pl.lit(encoder.encoder_id).alias("encoder_id"),
        as_lists(encoded.vectors).alias("embedding"),
        pl.Series("n_tokens", encoded.n_tokens),
        pl.Series("truncated", encoded.truncated),
    )
    with warehouse_of(settings) as connection:
        texts.write_text_embeddings(connection, rows)
        if isolated.faults:
            faulty = waiting[list(isolated.faults)].with_columns(
                pl.Series("reason", list(isolated.faults.values()))
            )
            texts.quarantine_texts(connection, encoder.encoder_id, faulty, datetime.now(UTC))
            run_logger().warning(
                "%d texts cannot be embedded and are in quarantine; their posts are scored "
                "without them",
                len(faulty),
            )
    return TextCounts(len(rows), int(encoded.n_tokens.sum()), int(encoded.truncated.sum()))


@contextmanager
def _encode_safely(settings: Settings, encoder: TextEncoder) -> Iterator[EncodeChunk]:
    """How this step encodes a chunk: here, or, after a run that died of it, in another process.

    A text can kill the process that reads it. The run that meets it is lost; the next one reads
    all texts in a process of its own, which may die for the text to be found out.
    """
    with warehouse_of(settings) as connection:
        has_died = constants.read_constant(connection, WORKING) == encoder.encoder_id
        constants.write_constant(connection, WORKING, encoder.encoder_id)
    try:
        if not has_died:
            yield lambda part, advance: encode_isolating_faults(
                lambda some: encoder.encode(some, advance), part
            )
            return
        run_logger().warning(
            "the last run ended while it embedded texts: they are read in a process of its own, "
            "to find out whether one of them is to blame"
        )
        with encoder_in_own_process(load_encoder, settings) as encode:

            def encode_apart(part: list[str], advance: Progress) -> IsolatedTexts:
                isolated = encode_isolating_faults(encode, part)
                advance(len(part))
                return isolated

            yield encode_apart
    finally:
        # Reached by everything but the death of this process.
        with warehouse_of(settings) as connection:
            constants.write_constant(connection, WORKING, IDLE)
