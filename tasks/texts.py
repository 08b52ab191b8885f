"""Texts to statistics and vectors; equal texts are worked on once."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
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

STATISTICS_CHUNK = 20_000
ATTEMPT = "texts_being_embedded"
"""Constant: digest of the chunk that is worked on. Found unchanged, the last run died in it."""


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
    with progress("texts embedded", total) as advance:
        while chunk := _embed_chunk(settings, encoder, advance):
            counts += chunk
    run_logger().info(
        "%d texts embedded, %d tokens, %d texts cut", counts.texts, counts.tokens, counts.truncated
    )
    return counts


def _embed_chunk(settings: Settings, encoder: TextEncoder, advance: Progress) -> TextCounts | None:
    """Embed and store one chunk; the file is not held while the model works."""
    limit = settings.text.chunk_texts or encoder.chunk_texts
    with warehouse_of(settings) as connection:
        waiting = texts.texts_without_embedding(connection, encoder.encoder_id, limit)
        if waiting.is_empty():
            return None
        was_tried = _note_attempt(connection, waiting["text_hash"])
    isolated = _encode(settings, encoder, waiting["text"], advance, apart=was_tried)
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


def _note_attempt(connection: duckdb.DuckDBPyConnection, hashes: pl.Series) -> bool:
    """Note that these texts are tried; whether they were before, by a run that came to no end."""
    chunk = hashlib.sha256("".join(hashes).encode()).hexdigest()
    was_tried = constants.read_constant(connection, ATTEMPT) == chunk
    constants.write_constant(connection, ATTEMPT, chunk)
    return was_tried


def _encode(
    settings: Settings, encoder: TextEncoder, raw: pl.Series, advance: Progress, *, apart: bool
) -> IsolatedTexts:
    """Vectors of one chunk; ``apart``: in a process of its own, which a text may kill."""
    cleaned = clean_for_encoder(raw).to_list()
    if not apart:
        return encode_isolating_faults(lambda part: encoder.encode(part, advance), cleaned)
    run_logger().warning(
        "a run ended while it embedded the next %d texts: they are read in a process of its own, "
        "to find out whether one of them is to blame",
        len(cleaned),
    )
    with encoder_in_own_process(load_encoder, settings) as encode:
        isolated = encode_isolating_faults(encode, cleaned)
    advance(len(cleaned))
    return isolated
