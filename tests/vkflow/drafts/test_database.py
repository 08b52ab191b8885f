"""Drafts from an SQL database: read, never written, and wrong ones told in a sentence."""

import sqlite3
from pathlib import Path

import pytest
from pydantic import SecretStr

from vkflow.drafts.database import query_drafts
from vkflow.drafts.draft import MAX_DRAFTS, Draft
from vkflow.errors import DraftError, SettingsError, SourceError
from vkflow.settings.sources import DatabaseSettings

ROWS = [
    (1, "Кто с нами? :) 100 %", "-7", "2026-11-30 18:00", "true"),
    (2, "DROP TABLE drafts; --", None, None, None),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "editors.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE drafts (id, text, owner_id, published_at, is_ad)")
        connection.executemany("INSERT INTO drafts VALUES (?, ?, ?, ?, ?)", ROWS)
    return file


def settings(file: Path, **changes) -> DatabaseSettings:
    return DatabaseSettings(url=SecretStr(f"sqlite:///{file}"), **changes)


def made(settings: DatabaseSettings, query: str) -> list[tuple[str, dict]]:
    rows: list[tuple[str, dict]] = []

    def make(name: str, row) -> Draft:
        rows.append((name, dict(row)))
        return Draft(name, -7, None, row["text"])  # type: ignore[arg-type]

    query_drafts(settings, query, make)
    return rows


def test_rows_are_drafts_with_the_columns_of_a_data_set(file: Path) -> None:
    first, second = made(settings(file), "SELECT * FROM drafts ORDER BY id;")
    assert first[0] == "row 1" and second[0] == "row 2"
    wanted = {"text": ROWS[0][1], "owner_id": "-7", "published_at": "2026-11-30 18:00"}
    assert {name: first[1][name] for name in wanted} == wanted
    assert first[1]["is_ad"] is True and second[1]["is_ad"] is False
    assert second[1]["text"] == ROWS[1][1] and second[1]["photo"] is None


def test_columns_go_by_the_names_of_the_settings_and_those_of_posts_do_not_matter(
    file: Path,
) -> None:
    named = settings(file, columns={"text": "message", "view": "views", "post_id": "id"})
    ((_, row),) = made(named, "SELECT text AS message FROM drafts WHERE id = 1")
    assert row["text"] == ROWS[0][1]


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        ("SELECT text FROM drafts WHERE id = 3", DraftError, "gives no drafts"),
        ("SELECT id FROM drafts", SourceError, "lacks the columns text"),
        ("SELECT text, 1 AS publishd_at FROM drafts", SourceError, "no column published_at, but"),
        ("SELECT text FROM nowhere", SourceError, "no such table"),
        ("DELETE FROM drafts", SourceError, "syntax error"),
        (
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= "
            f"{MAX_DRAFTS}) SELECT 'x' || i AS text FROM n",
            DraftError,
            "too many drafts",
        ),
        ("SELECT text, 'perhaps' AS is_ad FROM drafts", DraftError, "is_ad is not true or false"),
    ],
)
def test_what_is_wrong_is_one_sentence(file: Path, query: str, error: type, said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        made(settings(file), query)
    assert "\n" not in str(raised.value)
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM drafts").fetchone() == (2,)


def test_without_a_url_it_says_what_to_set() -> None:
    with pytest.raises(SettingsError, match="VKFLOW_DATABASE__URL"):
        made(DatabaseSettings(), "SELECT 1 AS text")
