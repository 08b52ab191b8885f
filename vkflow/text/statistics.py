"""Fourteen counts of a raw text, and its length: cheap features that need no model."""

from functools import cache

import polars as pl

from vkflow.text import patterns
from vkflow.text.cleaning import unescape

VERSION = 2
"""Raised whenever a statistic changes its meaning, so that old and new are never mixed."""


@cache
def stop_words() -> frozenset[str]:
    """Russian and English stop words, lower case."""
    from stop_words import get_stop_words

    return frozenset(get_stop_words("ru")) | frozenset(get_stop_words("en"))


def text_statistics(texts: pl.Series) -> pl.DataFrame:
    """Count what raw texts contain, before any cleaning.

    Words are runs of letters and digits, joined by hyphens or apostrophes, outside URLs and
    ``<br>``. An emoji is what people see as one: a flag, or a sequence with a skin tone.

    Args:
        texts: raw texts, no nulls.

    Returns:
        One row per text, in order: the columns of ``text_statistics`` without the key; counts
        are Int32, ``capital_letter_share`` (of all letters, 0 without any) Float32,
        ``first_line_break`` the character position of the first ``<br>``, -1 without one.
    """
    frame = pl.DataFrame({"raw": texts, "plain": unescape(texts)}).with_columns(
        pl.col("plain")
        .str.replace_all(patterns.LINE_BREAK, " ")
        .str.replace_all(patterns.URL, " ")
        .alias("prose")
    )
    words = _word_statistics(frame["prose"])
    return pl.concat([frame.select(_pattern_statistics()), words], how="horizontal").select(
        pl.lit(VERSION, dtype=pl.Int32).alias("version"), pl.all()
    )


def _pattern_statistics() -> list[pl.Expr]:
    raw, plain, prose = pl.col("raw"), pl.col("plain"), pl.col("prose")
    letters = prose.str.count_matches(r"\p{L}")
    capitals = prose.str.count_matches(r"\p{Lu}")
    first = raw.str.extract(f"(?s)^(.*?)(?:{patterns.LINE_BREAK})", 1).str.len_chars()
    mentions = plain.str.count_matches(patterns.VK_MENTION)
    mentions = mentions + plain.str.count_matches(patterns.AT_MENTION)
    counts = {
        "characters": plain.str.len_chars(),
        "capital_words": prose.str.count_matches(patterns.CAPITAL_WORD),
        "numbers": prose.str.count_matches(patterns.NUMBER),
        "emoji": plain.str.count_matches(patterns.EMOJI),
        "urls": plain.str.count_matches(patterns.URL),
        "hashtags": plain.str.count_matches(patterns.HASHTAG),
        "mentions": mentions,
        "question_marks": prose.str.count_matches("?", literal=True),
        "exclamation_marks": prose.str.count_matches("!", literal=True),
        "line_breaks": raw.str.count_matches(patterns.LINE_BREAK),
        "first_line_break": first.cast(pl.Int32).fill_null(-1),
    }
    share = (capitals / letters).fill_nan(0.0).cast(pl.Float32).alias("capital_letter_share")
    return [*(count.cast(pl.Int32).alias(name) for name, count in counts.items()), share]


def _word_statistics(prose: pl.Series) -> pl.DataFrame:
    words = prose.str.to_lowercase().str.extract_all(patterns.WORD)
    stops = pl.element().is_in(list(stop_words())).sum()
    frame = pl.DataFrame({"words": words})
    return frame.select(
        pl.col("words").list.len().cast(pl.Int32).alias("words"),
        pl.col("words").list.n_unique().cast(pl.Int32).alias("unique_words"),
        pl.col("words")
        .list.eval(stops)
        .list.first()
        .cast(pl.Int32)
        .fill_null(0)
        .alias("stop_words"),
    )
