"""What is shown of drafts: in two languages, as Markdown and as a page, whatever people wrote."""

import json
import re
import string
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

import vkflow.drafts as package
from tests.fakes.chromium import EXECUTABLE, chromium
from tests.fakes.drafts import HOSTILE, MOSCOW, made_similar, made_told, made_week
from vkflow.drafts.comparison import COMPARED
from vkflow.drafts.comparison_tables import comparison_table, grid, week_table
from vkflow.drafts.document import as_document
from vkflow.drafts.markdown import as_markdown_page
from vkflow.drafts.nearest import Compared
from vkflow.drafts.page import render_page
from vkflow.drafts.similar import similar_table
from vkflow.drafts.tables import draft_lines, forecast_table
from vkflow.drafts.words import draft_language
from vkflow.insights.contributions import GROUPS

CODES = ("ru", "en")
CATALOGUES = {
    code: yaml.safe_load(
        (files("vkflow.drafts") / "catalogue" / f"drafts.{code}.yaml").read_text("utf-8")
    )
    for code in CODES
}
OURS = {
    "html", "head", "meta", "link", "title", "style", "body", "header", "p", "h1", "main",
    "section", "h2", "span", "div", "img", "table", "thead", "tbody", "tr", "th", "td",
    "h3", "h4", "ul", "li", "footer",
}  # fmt: skip


class Seen(HTMLParser):
    """Tags and addresses of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


def gaps(phrase: object) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(str(phrase)) if name}


def test_both_catalogues_have_the_same_phrases_with_the_same_gaps() -> None:
    ru, en = (CATALOGUES[code] for code in CODES)
    assert ru.keys() == en.keys()
    assert [key for key in ru if gaps(ru[key]) != gaps(en[key])] == []


def test_every_phrase_is_said_somewhere_and_every_one_that_is_said_exists() -> None:
    folder = Path(str(package.__file__)).parent
    sources = [*folder.glob("*.py"), *folder.glob("templates/*.html")]
    sources += [
        *folder.parents[1].glob("tasks/draft*.py"),
        *folder.parents[1].glob("flows/draft*.py"),
    ]
    text = "\n".join(file.read_text("utf-8") for file in sources)
    said = set(re.findall(r"say\(\s*['\"]([a-z_0-9]+)['\"]", text))
    named = {key for key in CATALOGUES["en"] if f'"{key}"' in text or f"'{key}'" in text}
    made = {f"group_{name}" for name in GROUPS} | {f"differs_{name}" for name in COMPARED}
    made |= {key for key in CATALOGUES["en"] if key.startswith(("table_", "name_", "similar"))}
    raised = re.findall(r"""(?:\bDraftError|_error)\(\s*"([a-z_0-9]+)\"""", text)
    made |= {f"error_{key}" for key in (*raised, "picture_entry", "picture_base64")}
    for code in CODES:
        assert all(draft_language(code).has(key) for key in said | made)
    assert set(CATALOGUES["en"]) == named | made


@pytest.mark.parametrize("code", CODES)
def test_the_page_shows_everything_and_runs_nothing(code: str) -> None:
    page = render_page(made_told(), draft_language(code))  # type: ignore[arg-type]
    seen = Seen(page)
    assert seen.tags <= OURS and "script" not in seen.tags
    images = [value for name, value in seen.attributes if name == "src"]
    assert len(images) == 3
    assert all(str(image).startswith("data:image/jpeg;base64,") for image in images)
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert (
        page.count("&lt;script&gt;") == 10
    )  # text, both owners, remark; of each draft what it resembles: owner twice, text
    assert "\x1b" not in page and "default-src 'none'" in page
    assert page.count("<section>") == 4 and page.count('class="grid"') == 4
    assert page.count('<td class="more">+</td>') == 4 * 7


@pytest.mark.parametrize("code", CODES)
def test_markdown_shows_everything_and_runs_nothing(code: str) -> None:
    page = as_markdown_page(made_told(), draft_language(code))  # type: ignore[arg-type]
    assert "<script>" not in page and r"\<script\>" in page and "\x1b" not in page
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert len(tables) == 2 * (8 + 2) + 2 * (3 + 2) + (2 + 2) + (2 + 2) + (1 + 2)
    for line in tables:
        assert len(re.findall(r"(?<!\\)\|", line)) in (6, 8), line


def test_hours_are_those_of_the_owners_clock_and_of_hides_fewer_are_better() -> None:
    say, week = draft_language("en"), made_week()
    likes, comments, hides = week_table(week, MOSCOW, say).rows
    assert likes[2] == "1.2\u00a0%"  # 0.01 + 0.004 * 0.5
    assert likes[1] == "Mon\u00a020:00" and likes[3].startswith("Mon\u00a020:00, Tue\u00a020:00")
    assert likes[3].endswith("and 4 more") and likes[4].startswith("Tue\u00a004:00")
    assert comments[3:] == ("none", "none")
    assert hides[2] == "0.80\u00a0%"  # of hides the fewest
    assert hides[1] == "Tue\u00a004:00" and hides[3].startswith("Tue\u00a004:00")
    days = grid(week.activities[0], week, MOSCOW)
    assert next(iter(days)) == "2026-11-02" and len(days) == 8
    assert days["2026-11-02"][:13] == [""] * 13 and days["2026-11-02"][20] == "+"
    assert days["2026-11-03"][4] == "−" and days["2026-11-03"][5] == "·"
    assert days["2026-11-09"][13:] == [""] * 11


def test_a_row_of_the_forecast_says_each_number_in_its_place() -> None:
    """Against the forecast it is made of: 1 %, usually 2 %, third of 21."""
    say = draft_language("en")
    first, *_, last = forecast_table(made_told().forecasts[0], say).rows
    assert [cell.replace("\u00a0", " ") for cell in first] == [
        "Like", "1.0 %", "0.40 % – 3.0 %", "2.0 %", "× 0.50", "3 of 21",
        "owner +35 %, text −18 %, picture +11 %",
    ]  # fmt: skip
    assert last[2] == "unknown" and last[5] == "–" and "owner" in last[6]


def test_a_difference_is_told_as_a_change_of_the_odds_with_its_interval() -> None:
    """0.2 of the logit, from 0.1 to 0.3: exp(0.2) is 1.22."""
    told = made_told()
    like, comment = comparison_table(told.comparisons[0], told.forecasts, draft_language("en")).rows
    assert [cell.replace("\u00a0", " ") for cell in like] == [
        "Like", "1.0 %", "1.0 %", "+22 % (+11 % to +35 %)", "yes",
    ]  # fmt: skip
    assert comment[3].startswith("−10") and comment[4] == "no evident difference"


@pytest.mark.parametrize(
    ("zone", "moment"), [("Europe/Moscow", "14:00"), ("Asia/Kamchatka", "23:00")]
)
def test_when_a_draft_would_appear_is_told_by_the_owners_clock(zone: str, moment: str) -> None:
    draft = made_told().forecasts[0].draft  # at 11:00 UTC
    _, published, _ = draft_lines(draft, {}, ZoneInfo(zone), draft_language("en"))
    assert published.replace("\u00a0", " ") == f"Published: 2 November, {moment} ({zone})"


def test_similar_posts_stand_with_their_wall_and_what_they_got() -> None:
    say = draft_language("en")
    other, own = similar_table(made_similar(owner="Cats", text="Meow"), MOSCOW, say).rows
    assert other == (
        "Cats, 4\u00a0August 2026",
        "0.91 · 0.84",
        "3.1\u00a0%",
        "–",
        "–",
        "0.020\u00a0%",
        "Meow",
    )
    (marked, _) = similar_table(made_similar(text="My corgi<br>&amp; [id1|Tom]"), MOSCOW, say).rows
    assert marked[-1] == "My corgi & Tom"
    assert own == ("this wall", "0.50 · 0.25", "–", "–", "–", "–", "no text")


@pytest.mark.parametrize(
    ("compared", "russian", "cosines"),
    [
        ("both", "На что это похоже", "0,91 · 0,84"),
        ("text", "На что похож текст", "0,91"),
        ("picture", "На что похожа картинка", "0,84"),
    ],
)
def test_it_is_said_by_what_similar_posts_were_found(
    compared: Compared, russian: str, cosines: str
) -> None:
    told = replace(made_told(), similar=(made_similar(compared=compared), ()))
    for show in (render_page, as_markdown_page):
        page = show(told, draft_language("ru"))
        assert page.count(russian) == 1 and cosines in page
        assert ("сходство: текст · картинка" in page) == (compared == "both")


def test_drafts_are_called_in_the_language_of_the_page() -> None:
    for show in (render_page, as_markdown_page):
        russian, english = (show(made_told(), draft_language(code)) for code in ("ru", "en"))
        assert "Сравнение: черновик 1 и черновик 2" in russian and "draft 1" not in russian
        assert "draft 2 beside draft 1" in english


def test_what_a_trial_asks_of_a_draft_stands_with_it() -> None:
    asked = "Trial 3: the next post, 5 of 96, is to appear with a question in the text."
    for show in (render_page, as_markdown_page):
        page = show(made_told(), draft_language("en"))
        assert page.count(asked) == 1 and page.count("This draft is not so.") == 1
    first, second = as_document(made_told())["drafts"]
    assert first["trials"] == [
        {
            "trial_id": 3, "lever": "question", "level": "yes", "arm": "with", "number": 5,
            "n_units": 96, "is_followed": False,
        }
    ] and second["trials"] == []  # fmt: skip


def test_without_similar_posts_nothing_is_said_of_them() -> None:
    told = replace(made_told(), similar=((), ()))
    for page in (
        render_page(told, draft_language("en")),
        as_markdown_page(told, draft_language("en")),
    ):
        assert "resembles" not in page


def test_the_document_has_every_number() -> None:
    document = json.loads(json.dumps(as_document(made_told()), allow_nan=False))
    first = document["drafts"][0]
    assert first["activities"][0]["parts"]["groups"]["owner"] == 0.3
    assert first["activities"][-1]["low"] is None and len(first["hours"]["moments"]) == 168
    assert [lever["has_it"] for lever in first["levers"]] == [False, True]
    assert document["comparisons"][0]["contrasts"][0]["is_evident"] is True
    assert "observation" in document["caveat"] and first["text"] == HOSTILE
    assert [post["post_id"] for post in first["similar"]] == [5, 6]
    assert first["similar"][0]["rates"] == {"like": 0.031, "hide": 0.0002}
    assert (first["similar"][0]["text_cosine"], first["similar"][0]["picture_cosine"]) == (
        0.91,
        0.84,
    )
    assert document["drafts"][1]["similar"][0]["picture_cosine"] is None
    assert first["similar"][1]["is_own"] is True


def test_one_draft_alone_has_neither_pairs_nor_hours() -> None:
    told = made_told()
    alone = replace(
        told,
        forecasts=told.forecasts[:1],
        comparisons=(),
        weeks=(),
        remarks=(),
        similar=told.similar[:1],
    )
    page = render_page(alone, draft_language("en"))
    assert page.count("<section>") == 1 and "grid" not in Seen(page).attributes
    assert "### draft 2" not in as_markdown_page(alone, draft_language("en"))


@pytest.mark.skipif(EXECUTABLE is None, reason="there is no Chromium")
@pytest.mark.parametrize("width", [390, 1200])
def test_page_opens_without_a_complaint_a_request_or_an_overflow(
    tmp_path: Path, width: int
) -> None:
    file = tmp_path / "drafts.html"
    file.write_text(render_page(made_told(), draft_language("ru")), encoding="utf-8")
    with chromium(tmp_path / "profile") as browser:
        browser.open(file, width)
        assert browser.complaints() == [] and browser.requests() == [file.as_uri()]
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
