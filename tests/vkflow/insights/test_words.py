import polars as pl

from vkflow.insights.words import emoji_of, hashtags_of, words_of


def test_words_come_in_their_dictionary_form_once_without_stop_words() -> None:
    texts = pl.Series(["Коты были в городе, кота и коту нравится город!", "Cats &amp; the cats"])
    assert words_of(texts) == [["кот", "город", "нравиться"], ["cats"]]


def test_links_hashtags_and_numbers_are_no_words() -> None:
    assert words_of(pl.Series(["https://example.org/путь #скидки 2026 covid19 ок"])) == [[]]


def test_hashtags_are_found_in_any_case_with_their_sign() -> None:
    assert hashtags_of(pl.Series(["#Скидки и #скидки, (#sale) a#b", ""])) == [
        ["#скидки", "#sale"],
        [],
    ]


def test_emoji_are_what_people_see_as_one() -> None:
    assert emoji_of(pl.Series(["❤️❤ &#128571; 👩‍👧 5"])) == [["❤", "😻", "👩‍👧"]]
