import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vkflow.text.cleaning import clean_for_encoder, clean_for_words, text_hashes


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Кот &#128571;<br>спит", "Кот 😻 спит"),
        ("Привет, [id1|Павел Дуров]!", "Привет, Павел Дуров!"),
        ("Читайте [https://vk.com/cats|Котиков], [club1|нас]", "Читайте Котиков, нас"),
        ("Было &quot;так&quot; &amp; стало", 'Было "так" & стало'),
        ("A\x00B\u200b  \n C", "AB\u200b C"),
        ("<b>жирный</b>", "<b>жирный</b>"),
        ("", ""),
    ],
)
def test_encoder_cleaning_keeps_what_carries_meaning(raw: str, cleaned: str) -> None:
    assert clean_for_encoder(pl.Series([raw])).to_list() == [cleaned]


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Смотри: https://vk.com/wall-1_2?a=b !!!", "смотри url"),
        ("СКИДКА 50%<br><br>Только &laquo;сегодня&raquo; 😺", "скидка 50 только сегодня"),
        ("#хэштег @name", "хэштег name"),
        ("   ", ""),
    ],
)
def test_word_cleaning_leaves_lower_case_words(raw: str, cleaned: str) -> None:
    assert clean_for_words(pl.Series([raw])).to_list() == [cleaned]


@given(st.lists(st.text(max_size=80), max_size=5))
def test_cleaning_twice_is_cleaning_once_for_words(texts: list[str]) -> None:
    once = clean_for_words(pl.Series(texts, dtype=pl.String))
    assert clean_for_words(once).to_list() == once.to_list()


@given(st.lists(st.text(max_size=200), max_size=5))
def test_encoder_cleaning_leaves_no_control_character(texts: list[str]) -> None:
    for text in clean_for_encoder(pl.Series(texts, dtype=pl.String)):
        assert all(ord(character) >= 32 for character in text)


def test_equal_texts_share_a_hash() -> None:
    hashes = text_hashes(pl.Series(["а", "б", "а", ""])).to_list()
    assert hashes[0] == hashes[2] != hashes[1]
    assert all(len(digest) == 64 for digest in hashes)
