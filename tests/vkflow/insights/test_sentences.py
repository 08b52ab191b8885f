import polars as pl
import pytest

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.levers import HOURS, LEVERS, WEEKDAYS
from vkflow.insights.sentences import (
    advice_sentence,
    catalogue,
    counted,
    lever_phrase,
    percent,
    trade_offs,
)

QUESTION = {
    "owner_id": None,
    "activity": "comment",
    "lever": "question",
    "level": "yes",
    "verdict": "raises",
    "effect": 0.18,
    "adjusted_low": 0.09,
    "adjusted_high": 0.27,
    "n_posts": 412,
    "n_owners": 37,
}


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2212", "-")


def test_advice_reads_as_promised() -> None:
    assert plain(advice_sentence(QUESTION, "en")) == (
        "A question in the text: comments +18 % (+9 % to +27 %), 412 posts, 37 communities"
    )
    assert plain(advice_sentence(QUESTION, "ru")) == (
        "Пост с вопросом в тексте: комментарии +18 % (от +9 % до +27 %), 412 постов, 37 сообществ"
    )


@pytest.mark.parametrize("verdict", ["unclear", "too few posts"])
def test_without_evidence_no_figure_is_given(verdict: str) -> None:
    sentence = advice_sentence(QUESTION | {"verdict": verdict}, "ru")
    assert "нет данных, чтобы судить" in sentence and "%" not in sentence
    assert "no data to judge by" in advice_sentence(QUESTION | {"verdict": verdict}, "en")


def test_advice_for_one_owner_names_the_owner() -> None:
    assert advice_sentence(QUESTION | {"owner_id": -77}, "en").startswith("In community -77. A que")


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "1 пост"), (2, "2 поста"), (5, "5 постов"), (11, "11 постов"), (21, "21 пост"),
     (112, "112 постов"), (1_003, "1 003 поста")],
)  # fmt: skip
def test_russian_nouns_agree_with_their_numbers(number: int, words: str) -> None:
    assert plain(counted(number, "posts", "ru")) == words


def test_numbers_have_the_form_of_their_language() -> None:
    assert plain(percent(-0.123, "ru")) == "-12 %"
    assert plain(percent(0.0042, "ru")) == "+0,4 %"
    assert plain(percent(12.5, "en")) == "+1,250 %"
    assert counted(1, "owners", "en") == "1\u00a0community"


def test_more_comments_but_more_hides_is_a_trade_off() -> None:
    rows = pl.DataFrame(
        [
            QUESTION,
            QUESTION | {"activity": "hide", "effect": 0.09},
            QUESTION | {"activity": "like", "effect": -0.02, "verdict": "unclear"},
            QUESTION | {"lever": "emoji", "activity": "like"},
            QUESTION | {"lever": "emoji", "activity": "hide", "effect": -0.1, "verdict": "lowers"},
        ]
    )
    assert [plain(sentence) for sentence in trade_offs(rows, "en")] == [
        "A question in the text: comments +18 %, but hides +9 %"
    ]


def test_picture_categories_are_called_by_their_labels() -> None:
    assert lever_phrase("picture_category", "cat", "ru", {"cat": "кошка"}) == "Картинка «кошка»"
    assert "“street food”" in lever_phrase("picture_category", "street_food", "en")


@pytest.mark.parametrize("language", ["ru", "en"])
def test_both_languages_have_words_for_everything(language) -> None:
    words = catalogue(language)
    assert words.keys() == catalogue("en").keys()
    assert tuple(words["activities"]) == ACTIVITY_NAMES
    assert set(words["levers"]) == set(LEVERS)
    assert tuple(words["levers"]["weekday"]) == WEEKDAYS
    assert set(words["levers"]["text_length"]) == {"few_words", "short", "long"}
    assert all("{" not in lever_phrase("hour", band, language) for band in HOURS)
