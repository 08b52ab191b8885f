"""The two cleanings: a light one for encoders, a thorough one for counting words."""

import hashlib
import html

import polars as pl

from vkflow.text import patterns


def text_hashes(texts: pl.Series) -> pl.Series:
    """SHA-256 of each text, as 64 hexadecimal digits: the key of everything kept of a text."""
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
    return pl.Series("text_hash", digests, dtype=pl.String)


def unescape(texts: pl.Series) -> pl.Series:
    """Texts with HTML entities such as ``&#128571;`` turned into characters."""
    with_entities = texts.str.contains("&", literal=True).fill_null(False)
    if not with_entities.any():
        return texts
    unescaped = texts.filter(with_entities).map_elements(html.unescape, return_dtype=pl.String)
    return texts.scatter(with_entities.arg_true(), unescaped)


def clean_for_encoder(texts: pl.Series) -> pl.Series:
    """Texts as a transformer should read them.

    Case, punctuation and emoji carry meaning and stay. Entities become characters, ``<br>`` a
    space, VK mentions the name they show; control characters and repeated spaces go.
    """
    return (
        unescape(texts)
        .str.replace_all(patterns.LINE_BREAK, " ")
        .str.replace_all(patterns.VK_MENTION, "${1}")
        .str.replace_all(patterns.CONTROL, "")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )


def clean_for_words(texts: pl.Series) -> pl.Series:
    """Texts as word statistics should read them: lower case words and single spaces.

    Entities become characters, URLs the word ``url``, ``<br>`` and everything that is neither
    letter nor digit a space.
    """
    return (
        unescape(texts)
        .str.replace_all(patterns.LINE_BREAK, " ")
        .str.replace_all(patterns.URL, " url ")
        .str.replace_all(r"[^\p{L}\p{N}]+", " ")
        .str.strip_chars()
        .str.to_lowercase()
    )
