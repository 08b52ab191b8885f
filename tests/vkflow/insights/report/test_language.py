import re
import string
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

import vkflow.insights.report as package
from vkflow.activities import ACTIVITY_NAMES
from vkflow.engines.workers.faults import reason
from vkflow.insights.report.language import load_language, plural_form
from vkflow.sources.validation import _count_rules, _odd_counts, _post_rules

RU, EN = load_language("ru"), load_language("en")
CATALOGUES = {
    code: yaml.safe_load(
        (files("vkflow.insights") / "catalogue" / f"report.{code}.yaml").read_text("utf-8")
    )
    for code in ("ru", "en")
}


def gaps(phrase: object) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(str(phrase)) if name}


def test_both_catalogues_have_the_same_phrases_with_the_same_gaps() -> None:
    assert CATALOGUES["ru"].keys() == CATALOGUES["en"].keys()
    different = [
        key
        for key, phrase in CATALOGUES["ru"].items()
        if key != "stored" and gaps(phrase) != gaps(CATALOGUES["en"][key])
    ]
    assert different == []


def test_what_was_stored_in_english_is_said_in_the_language_of_the_report() -> None:
    day = datetime(2026, 6, 1, tzinfo=UTC)
    rules = (_post_rules(day, 100), _count_rules(day), _odd_counts())
    reasons = [rule for each in rules for rule in each] + [
        "too few labelled posts: 4 train, 0 validation, 1 test; 200 are needed for training",
        "worse than the owner's rate on the test window, log loss +2.00% (95 %: +1.00% to +3.00%) "
        "against it",
        *(
            reason(model, thing, error)
            for model, thing in (
                ("the text encoder", "text"),
                ("the tagger", "picture"),
                ("the tagger's text tower", "text"),
            )
            for error in (BrokenProcessPool(), ValueError("17"))
        ),
        "8 posts have a label, 9 are needed (training.min_posts)",
        "there is no champion yet: 8 posts got the rates of their owners (rates-20260601)",
        "b20260601 rejected: worse than the champion of 28 days ago, log loss +2.00% (95 %: +1.00% "
        "to +3.00%): mean gain on the test window -1.0% over the global rate and -2.0% over the "
        "owner rate",
    ]
    assert len(reasons) > 30
    for stored in reasons:
        assert (EN.stored(stored), bool(re.search("[а-я]", RU.stored(stored)))) == (stored, True)
        assert not re.search(r"\b(the|than|of|is)\b", RU.stored(stored)), "half a translation"
    assert RU.stored("more comments than views") == "comments: больше, чем просмотров"
    assert RU.stored("{unheard} of {0}") == "{unheard} of {0}"
    assert RU.stored_list("trained b1; new advice") == "обучена b1; new advice"
    last = RU.stored(reasons[-1])
    assert not re.search("worse|champion|ago|gain|over|rate", last), "sentences within sentences"


def test_stored_sentences_are_those_of_the_code_with_the_same_gaps() -> None:
    root = Path(str(package.__file__)).parents[3]
    files_of_code = [file for name in ("vkflow", "tasks") for file in (root / name).rglob("*.py")]
    code = "".join(file.read_text("utf-8") for file in files_of_code)
    for template, phrase in CATALOGUES["ru"]["stored"].items():
        assert gaps(phrase) == gaps(template)
        literals = re.split(r"\{\w+\}|^(?:owner|post)_id | more | fewer | is not ", template)
        assert max(literals, key=len)[:30] in code, template


def test_every_phrase_named_in_code_and_templates_exists() -> None:
    folder = Path(str(package.__file__)).parent
    sources = [*folder.glob("*.py"), *folder.glob("templates/*.html")]
    assert len(sources) > 15
    named = {
        key
        for file in sources
        for key in re.findall(
            r"say(?:\.plural)?\(\s*['\"]([a-z_0-9]+)['\"]", file.read_text("utf-8")
        )
    }
    assert len(named) > 50
    assert named <= CATALOGUES["ru"].keys()


def test_every_activity_has_a_name() -> None:
    assert all(RU.activity(name) and EN.activity(name) for name in ACTIVITY_NAMES)


@pytest.mark.parametrize(
    ("number", "noun"),
    [(1, "1 пост"), (2, "2 поста"), (5, "5 постов"), (11, "11 постов"), (12, "12 постов"),
     (21, "21 пост"), (104, "104 поста"), (1111, "1 111 постов")],
)  # fmt: skip
def test_russian_nouns_agree_with_their_number(number: int, noun: str) -> None:
    assert RU.plural("posts", number).replace("\u00a0", " ") == noun


def test_english_nouns_have_two_forms() -> None:
    assert [plural_form("en", number) for number in (0, 1, 2, 21)] == [1, 0, 1, 1]


def test_numbers_have_the_form_of_the_language() -> None:
    assert RU.number(1234567.891, 1) == "1\u00a0234\u00a0567,9"
    assert EN.number(1234567.891, 1) == "1,234,567.9"
    assert RU.percent(0.183, signed=True) == "+18\u00a0%"
    assert RU.percent(-0.183, 1) == "−18,3\u00a0%"
    assert RU.percent(-0.0001, signed=True) == "0\u00a0%"


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.123, "12 %"), (0.0123, "1.2 %"), (0.00034, "0.034 %"), (0.0999, "10 %"), (0, "0 %")],
)
def test_rates_keep_two_significant_digits(probability: float, text: str) -> None:
    assert EN.rate(probability).replace("\u00a0", " ") == text


def test_what_is_unknown_is_a_dash() -> None:
    assert [EN.number(None), EN.rate(float("nan")), EN.percent(None), EN.times(None)] == ["–"] * 4


def test_dates_have_the_form_of_the_language() -> None:
    assert RU.long_date(date(2026, 11, 2)) == "2\u00a0ноября 2026"
    assert EN.long_date(date(2026, 11, 2)) == "2\u00a0November 2026"
    assert RU.short_date(date(2026, 11, 2)) == "2 ноя"


def test_no_line_begins_with_a_percent_sign_or_a_dash() -> None:
    phrase = RU("model_lead", version="m1", owner="1", everyone="2")
    assert "больше\u00a0— лучше" in phrase
    assert "95\u00a0% interval" in EN("gain_caption")
