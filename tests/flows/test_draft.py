"""``vkflow draft`` and its flow, on a home after two real nights."""

import json
import shutil
from pathlib import Path

import pytest

from tests.command import vkflow, vkflow_here
from tests.conftest import UNTIL, Nights
from vkflow.activities import ACTIVITY_NAMES
from warehouse.database import open_warehouse

AS_OF = ("--as-of", f"{UNTIL:%Y-%m-%d}")
TEXT = "Кто пойдёт с нами в лес? \x1b[2J [bold]грибы[/bold] | <script>"


@pytest.fixture(scope="module")
def owner(nights: Nights) -> str:
    with open_warehouse(nights.home / "warehouse.duckdb") as connection:
        row = connection.execute("SELECT owner_id FROM posts GROUP BY 1 ORDER BY 1").fetchone()
    assert row
    return str(row[0])


def test_drafts_are_compared_in_a_table(nights: Nights, owner: str) -> None:
    result = vkflow(
        "draft", "--text", TEXT, "--text", "Просто лес", "--owner", owner, *AS_OF, home=nights.home
    )
    assert result.returncode == 0, result.stderr
    assert "draft 1: " in result.stdout and "draft 2: " in result.stdout
    assert "[bold]грибы[/bold]" in result.stdout
    assert "\x1b[2J" not in result.stdout and r"\x1b[2J" in result.stdout
    said = result.stdout.replace("\u00a0", " ")
    for word in ("Like", "Hide", "90 % of such posts", "carried by", "of 21", "observation"):
        assert word in said, word


def test_everything_is_there_as_json(nights: Nights, owner: str, tmp_path: Path) -> None:
    picture = next((nights.home / "media").rglob("*.jpg"))
    file = tmp_path / "draft.txt"
    file.write_text("Кто пойдёт с нами в лес?\n", encoding="utf-8")
    result = vkflow_here(
        "draft", "--text-file", str(file), "--picture", str(picture), "--owner", owner,
        "--at", "2026-11-04 18:00", "--json", *AS_OF, home=nights.home,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    (found,) = document["drafts"]
    assert found["at"] == "2026-11-04T15:00:00+00:00" and found["has_picture"]
    assert found["text"] == "Кто пойдёт с нами в лес?" and document["remarks"] == []
    assert [each["activity"] for each in found["activities"]] == list(ACTIVITY_NAMES)
    for each in found["activities"]:
        assert 0 <= each["low"] <= each["probability"] <= each["high"] <= 1


def test_hours_pairs_and_a_page(nights: Nights, owner: str, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "drafts.html"
    result = vkflow_here(
        "draft", "--text", TEXT, "--text", "Просто лес", "--owner", owner, "--when", "--json",
        "--page", str(page), *AS_OF, home=nights.home, VKFLOW_REPORT__LANGUAGE="en",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    first, second = document["drafts"]
    assert len(first["hours"]["moments"]) == 168 and first["hours"] != second["hours"]
    (pair,) = document["comparisons"]
    assert pair["differs"] == ["text"] and len(pair["contrasts"]) >= 4
    text = page.read_text(encoding="utf-8")
    assert "draft 2 beside draft 1" in text and "best hour" in text and "<script>" not in text


def test_drafts_are_kept_when_that_is_asked_for(nights: Nights, owner: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(nights.home, home)
    result = vkflow_here(
        "draft", "--text", TEXT, "--owner", owner, "--json", "--keep", *AS_OF, home=home
    )
    assert result.returncode == 0 and "Kept 1: `drafts`" in result.stderr, result.stderr
    (draft,) = json.loads(result.stdout)["drafts"]
    with open_warehouse(home / "warehouse.duckdb") as connection:
        kept = connection.execute(
            "SELECT text, activity, probability FROM drafts JOIN draft_predictions USING (draft_id)"
        ).fetchall()
    assert kept and set(kept) == {
        (TEXT, each["activity"], each["probability"]) for each in draft["activities"]
    }


def test_a_file_of_drafts_has_a_forecast_each(nights: Nights, owner: str, tmp_path: Path) -> None:
    file = tmp_path / "drafts.csv"
    rows = "".join(f'"текст {number}",{owner},\n' for number in range(20))
    file.write_text("text,owner_id,published_at\n" + rows, encoding="utf-8")
    result = vkflow_here("draft", "--file", str(file), "--json", *AS_OF, home=nights.home)
    assert result.returncode == 0, result.stderr
    names = [each["name"] for each in json.loads(result.stdout)["drafts"]]
    assert names == [f"row {number}" for number in range(1, 21)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say on whose wall"),
        (("--owner", "-1", "--text", "а"), "no posts of an owner -1 are known"),
        (("--owner", "OWNER"), "the draft is empty"),
        (("--owner", "OWNER", "--text", "а", "--at", "soon"), "soon is no time"),
        (("--owner", "OWNER", "--text", "а", "--at", "2026-10-01"), "lies in the past"),
        (("--owner", "OWNER", "--text", "а", "--picture", "cat.png"), "neither a file here"),
        (("--owner", "OWNER", "--text", "а", "--picture", "http://a.b/c"), "is not https"),
        (("--owner", "OWNER", "--text", "а", "--file", "b.csv"), "not both"),
        (("--owner", "OWNER", "--file", "b.csv"), "there is no file b.csv"),
        (("--owner", "OWNER", "--text-file", "b.txt"), "there is no file b.txt"),
    ],
)
def test_bad_input_is_one_sentence(
    nights: Nights, owner: str, arguments: tuple[str, ...], said: str
) -> None:
    chosen = [owner if each == "OWNER" else each for each in arguments]
    result = vkflow_here("draft", *chosen, *AS_OF, home=nights.home)
    assert result.returncode == 1
    assert said in result.stderr and result.stderr.count("\n") == 1, result.stderr


def test_a_text_of_a_megabyte_is_one_sentence(nights: Nights, owner: str, tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    for size, said in ((120_000, "at most 100,000 are read"), (10**6, "more than 100,000 char")):
        file.write_text("а" * size, encoding="utf-8")
        result = vkflow_here(
            "draft", "--text-file", str(file), "--owner", owner, *AS_OF, home=nights.home
        )
        assert result.returncode == 1 and said in result.stderr, result.stderr


def test_the_flow_leaves_markdown_for_the_ui(home: Path, owner: str) -> None:
    from flows.draft import DraftOptions, draft

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VKFLOW_HOME", str(home))
        patch.setenv("VKFLOW_REPORT__LANGUAGE", "en")
        options = DraftOptions(
            text=TEXT, other_text="Просто лес", owner=owner, as_of=UNTIL, when=True, page=True
        )
        markdown = draft(options)
    assert "### draft 1" in markdown and "### draft 2" in markdown
    assert "| activity | forecast | 90 % of such posts |" in markdown.replace("\u00a0", " ")
    assert r"\<script\>" in markdown and "<script>" not in markdown and "\x1b" not in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| Like")]
    assert len(rows) == 5 and rows[0] != rows[2] and rows[0].count(" | ") == 6
    assert "### draft 2 beside draft 1" in markdown
    assert len(list((home / "reports" / "drafts").glob("2026-11-02-*.html"))) == 1


def test_the_form_reads_no_file_of_the_worker(nights: Nights, owner: str) -> None:
    """It says so in Russian, the language of the home."""
    from flows.draft import DraftOptions, draft
    from vkflow.errors import DraftError

    picture = str(next((nights.home / "media").rglob("*.jpg")).resolve())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VKFLOW_HOME", str(nights.home))
        with pytest.raises(DraftError, match="не base64"):
            draft(DraftOptions(text="а", picture=picture, owner=owner, as_of=UNTIL))


def test_every_field_of_the_form_is_explained() -> None:
    from flows.draft import DraftOptions

    fields = DraftOptions.model_json_schema()["properties"]
    assert list(fields)[:5] == ["text", "other_text", "picture", "owner", "at"]
    assert all(field.get("title") and field.get("description") for field in fields.values())
