"""The page from frames made here: hostile texts, and nights that lack nearly everything."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from tests.fakes.report import AS_OF, empty_report, frame
from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.report.data import Named, ReportData, SimilarHide
from vkflow.insights.report.language import load_language
from vkflow.insights.report.page import SECTIONS, render

HOSTILE = '<script>alert("x")</script><img src=http://evil.test/x onerror=alert(1)> $\\frac{'


@pytest.fixture
def first_night(tmp_path: Path) -> ReportData:
    return empty_report(tmp_path)


def labelled(
    text: str = "",
    n: int = 60,
    owners: int = 6,
    *,
    dated: bool = True,
    category: str | None = "cat",
) -> pl.DataFrame:
    """Posts with counts, every third with the text."""
    rows = [
        {
            "owner_id": -(number % owners) - 1,
            "post_id": number,
            "published_at": AS_OF - timedelta(hours=5 * number) if dated else None,
            "source": "vk",
            "text": text if number % 3 == 0 else "Котики гуляют",
            "characters": len(text),
            "category": category,
            "score": 0.5,
            "views": 1_000 + 13 * number,
            "reach": 900,
            **{name: (number * place) % 40 for place, name in enumerate(ACTIVITY_NAMES, 1)},
        }
        for number in range(n)
    ]
    return frame("posts", rows)


def counting(text: str, count: int | None) -> pl.DataFrame:
    """The same count of everything."""
    return labelled(text).with_columns(pl.lit(count, pl.Int64).alias(a) for a in ACTIVITY_NAMES)


def scored(text: str) -> pl.DataFrame:
    return frame(
        "tonight",
        [
            {
                "owner_id": -1, "post_id": 7, "published_at": AS_OF, "text": text, "source": "vk",
                "activity": name, "probability": 0.02, "usual_rate": 0.01, "promise_rank": 1,
                "risk_rank": 1,
            }
            for name in ACTIVITY_NAMES
        ],
    )  # fmt: skip


class Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("code", ["ru", "en"])
def test_first_night_gives_a_page_that_says_what_is_missing(
    first_night: ReportData, code: str
) -> None:
    say = load_language(code)
    page = render(first_night, say)
    for key in (
        "night_none",
        "posts_none",
        "model_none",
        "outcomes_none",
        "drift_none",
        "advice_none",
    ):
        assert say(key) in page
    assert [attributes["id"] for tag, attributes in Tags(page).found if tag == "section"] == list(
        SECTIONS
    )


def test_text_of_users_is_shown_and_never_markup(first_night: ReportData) -> None:
    data = replace(
        first_night,
        posts=labelled(f"#{HOSTILE} {HOSTILE}", category=HOSTILE),
        tonight=scored(HOSTILE),
        similar={(-1, 7): [SimilarHide(-2, f"another {HOSTILE}", None, 0.876, 0.0123)]},
        refused=frame("refused", [{"source": "vk", "reason": HOSTILE, "rows": 2}]),
        skipped={"like": HOSTILE},
    )
    page = render(data, load_language("ru"))
    assert "&lt;script&gt;" in page and page.count("0,88") == page.count("another &lt;script") == 1
    tags = Tags(page).found
    assert "script" not in {tag for tag, _ in tags}
    assert all(not name.startswith("on") for _, attributes in tags for name in attributes)


def test_nothing_in_the_page_comes_from_elsewhere(first_night: ReportData) -> None:
    data = replace(first_night, posts=labelled(HOSTILE), tonight=scored(HOSTILE))
    page = render(data, load_language("ru"))
    for tag, attributes in Tags(page).found:
        assert tag not in {"script", "iframe", "object", "embed", "video", "audio"}
        if tag == "a":  # followed only by a click
            assert re.fullmatch(r"#[a-z]+|https://vk\.com/wall-?\d+_\d+", str(attributes["href"]))
            continue
        for name in ("src", "srcset", "href", "xlink:href", "poster", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, name, value)
    assert "@import" not in page and not re.search(r"url\((?!#|\"#)", page)


@pytest.mark.parametrize(
    "posts",
    [
        labelled("Один владелец", owners=1),
        labelled("Без дат", dated=False),
        labelled("Без картинок", category=None),
        labelled("", n=20),
        labelled("Мало постов", n=3),
        counting("Ничего не известно", None),
        counting("Одни нули", 0),
        counting("Все одинаковы", 5),
    ],
    ids=["one owner", "undated", "no pictures", "no text", "few", "unknown", "zeros", "constant"],
)  # fmt: skip
def test_missing_parts_give_a_sensible_page(first_night: ReportData, posts: pl.DataFrame) -> None:
    page = render(replace(first_night, posts=posts), load_language("ru"))
    assert "nan" not in re.sub(r"data:[^\"]*", "", page).lower().split()
    assert page.count("<section") == len(SECTIONS)


def test_a_night_that_failed_is_told(first_night: ReportData) -> None:
    nights = frame("nights", [{"night": AS_OF, "status": "failed", "seconds": 3.0, "counts": None}])
    say = load_language("en")
    assert say("warning_failed") in render(replace(first_night, nights=nights), say)


def test_a_night_that_ended_with_warnings_tells_them_and_did_not_fail(
    first_night: ReportData,
) -> None:
    counts = json.dumps({"warnings": ["export failed: no <route> to host"]})
    night = {"night": AS_OF, "status": "completed with warnings", "seconds": 3.0, "counts": counts}
    say = load_language("en")
    page = render(replace(first_night, nights=frame("nights", [night])), say)
    assert "export failed: no &lt;route&gt; to host" in page
    assert say("warning_failed") not in page


def test_text_of_a_post_ends_with_an_ellipsis(first_night: ReportData) -> None:
    page = render(replace(first_night, tonight=scored("слово " * 80)), load_language("ru"))
    assert re.search(r"(слово ){20,28}\w*…", page)
    assert "слово " * 29 not in page


def test_a_forecast_without_an_activity_beside_the_line_is_a_tick(first_night: ReportData) -> None:
    rows = [
        {"owner_id": -1, "post_id": number, "activity": "hide", "probability": 0.001, "rate": 0.0,
         "exposures": 1_000, "count": 0, "observed_at": AS_OF}
        for number in range(60)
    ]  # fmt: skip
    page = render(replace(first_night, forecasts=frame("forecasts", rows)), load_language("en"))
    assert "60\u00a0posts" in page
    assert "−100\u00a0%" in page


def test_owners_go_by_their_names_with_links_where_they_are_known(first_night: ReportData) -> None:
    named = {-1: Named("Котики <b>", "https://vk.com/cats"), -2: Named(None, None)}
    data = replace(first_night, tonight=scored("текст"), posts=labelled(), owners=named)
    page = render(data, load_language("ru"))
    assert '<a href="https://vk.com/cats" rel="noreferrer">Котики &lt;b&gt;</a>' in page
    assert "Сообщество 1<" not in page and "Сообщество 2" in page


def test_what_the_champion_learnt_from_is_told_where_it_must_be_known(
    first_night: ReportData,
) -> None:
    data = replace(first_night, notes=["repost is learnt from a mixture <of kinds>"])
    assert "repost is learnt from a mixture &lt;of kinds&gt;" in render(data, load_language("ru"))
