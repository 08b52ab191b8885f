"""Words, hashtags and emoji of texts: dictionary forms of Russian words, no stop words."""

from functools import cache
from typing import Any

import polars as pl

from vkflow.text import patterns
from vkflow.text.cleaning import clean_for_words, unescape
from vkflow.text.statistics import stop_words

MIN_LETTERS = 3
LONGEST_WORD = 40


def words_of(texts: pl.Series) -> list[list[str]]:
    """The dictionary form of each word of each text, once, without stop words and numbers."""
    plain = (
        unescape(texts).str.replace_all(patterns.URL, " ").str.replace_all(patterns.HASHTAG, " ")
    )
    words = clean_for_words(plain).str.split(" ").list.unique(maintain_order=True).to_list()
    forms = {word: lemma(word) for word in {word for of_text in words for word in of_text}}
    telling = {word: form for word, form in forms.items() if _tells(form)}
    return [
        list(dict.fromkeys(telling[word] for word in of_text if word in telling))
        for of_text in words
    ]


def hashtags_of(texts: pl.Series) -> list[list[str]]:
    """The hashtags of each text, lower case, with their sign."""
    found = unescape(texts).str.to_lowercase().str.extract_all(patterns.HASHTAG)
    tags = found.list.eval(pl.element().str.extract(r"(#.*)$", 1)).list.unique(maintain_order=True)
    return [list(of_text) for of_text in tags.to_list()]


def emoji_of(texts: pl.Series) -> list[list[str]]:
    """The emoji of each text; those that differ in a variation selector are the same."""
    found = unescape(texts).str.extract_all(patterns.EMOJI)
    bare = found.list.eval(pl.element().str.replace_all("\ufe0f", ""))
    return [list(of_text) for of_text in bare.list.unique(maintain_order=True).to_list()]


@cache
def lemma(word: str) -> str:
    """The dictionary form of a Russian word; any other word as it is."""
    if not word or len(word) > LONGEST_WORD or not ("а" <= word[0] <= "я" or word[0] == "ё"):
        return word
    return str(_morphology().parse(word)[0].normal_form)


@cache
def _morphology() -> Any:
    from pymorphy3 import MorphAnalyzer

    return MorphAnalyzer()


def _tells(word: str) -> bool:
    return (
        MIN_LETTERS <= len(word) <= LONGEST_WORD
        and not any(character.isdigit() for character in word)
        and word not in _stop_lemmas()
    )


@cache
def _stop_lemmas() -> frozenset[str]:
    """Stop words, and their dictionary forms: "был" is one, so "быть" is one too."""
    return stop_words() | frozenset(lemma(word) for word in stop_words())
