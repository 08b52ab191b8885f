import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vkflow.text.statistics import text_statistics

CASES = [
    ("emoji", "👍🏽 и 🇷🇺🇷🇺 и 👨‍👩‍👧 и 1️⃣ и ❤ и ☀️", 7),
    ("emoji", "&#128571;&#128571; Кот", 2),
    ("emoji", "© 2024 ООО™ «Ромашка» 5 # *", 0),
    ("mentions", "[id1|Павел Дуров] и [club22|Клуб любителей] и @durov", 3),
    ("mentions", "пишите на name@example.com", 0),
    ("mentions", "[https://vk.com/cats|Котики] и [http://a.example/b?c=1|там]", 2),
    ("mentions", "[https://vk.com/cats] и [ссылка|текст]", 0),
    ("words", "[https://vk.com/cats|Милые котики] тут", 3),
    ("mentions", "@one, @two_2", 2),
    ("hashtags", "#кот #собака_1 текст#нет &#128571; # 5", 2),
    ("urls", "https://vk.com/x?y=1 и www.example.com и t.me/abc", 3),
    ("urls", "просто текст. И ещё", 0),
    ("capital_words", "ВНИМАНИЕ! СКИДКА на Всё, я и США-2", 3),
    ("capital_words", "ЁЖ и FIFA и А", 2),
    ("words", "Кто-то сказал: «да», don't you?<br>https://a.ru/b", 5),
    ("unique_words", "Кот кот КОТ собака", 2),
    ("stop_words", "и в the кот", 3),
    ("numbers", "5 из 10, всего 3,5 и 1.000 (2024)", 5),
    ("question_marks", "Что? Где?? https://a.ru/?q=1", 3),
    ("exclamation_marks", "Ура!!!", 3),
    ("line_breaks", "а<br>б<br/>в<BR />", 3),
    ("first_line_break", "аб<br>в<br>", 2),
    ("first_line_break", "нет переносов", -1),
    ("first_line_break", "<br>", 0),
    ("characters", "&amp;аб", 3),
]


@pytest.mark.parametrize(("statistic", "text", "expected"), CASES)
def test_statistic_of_a_hand_written_text(statistic: str, text: str, expected: int) -> None:
    assert text_statistics(pl.Series([text]))[statistic].to_list() == [expected]


def test_share_of_capital_letters_counts_letters_only() -> None:
    shares = text_statistics(pl.Series(["АБвг 12!", "12", ""]))["capital_letter_share"]
    assert shares.to_list() == [0.5, 0.0, 0.0]


def test_empty_text_has_no_counts() -> None:
    row = text_statistics(pl.Series([""])).drop("version", "first_line_break").row(0)
    assert set(row) == {0}


@given(st.lists(st.text(max_size=60), min_size=1, max_size=6))
def test_a_text_counts_the_same_alone_and_beside_others(texts: list[str]) -> None:
    together = text_statistics(pl.Series(texts, dtype=pl.String))
    alone = pl.concat([text_statistics(pl.Series([text], dtype=pl.String)) for text in texts])
    assert together.equals(alone)
    assert together.drop("first_line_break", "version").min_horizontal().min() >= 0
