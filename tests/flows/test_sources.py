"""Whole nights on a file and on a database of one's own, to predictions and back."""

import csv
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from flows.export import export
from flows.nightly import nightly
from flows.options import RunOptions
from tests.fakes.postgres import PASSWORD, QUOTED_PASSWORD, Postgres
from vkflow.activities import ACTIVITIES
from warehouse.database import open_warehouse
from warehouse.publishing import read_snapshot

NIGHT = datetime(2026, 6, 1, tzinfo=UTC)
COLUMNS = (
    *("view", "like", "comment", "hide", "expand", "open_photo", "open", "share_to_message"),
    *("text", "photo"),
)
KNOWN, WAITING = 330, 10
TOPICS = ("котики", "футбол", "рецепты", "погода")
REPORTED = ("repost",)  # the one activity a data set has no column for


def counts(chance: random.Random, topic: int) -> list[int]:
    """Counts like those of real posts; the topic decides what people do."""
    views = int(10 ** chance.uniform(3, 5))
    rates = [0.02 * (topic + 1), 0.001, 0.001, 0.01, 0.03, 0.01, 0.002]
    return [views, *(int(views * rate * chance.uniform(0.5, 1.5)) for rate in rates)]


def posts() -> list[list[object]]:
    """Posts whose outcome is known, and some whose is not yet."""
    chance = random.Random(1)
    rows: list[list[object]] = []
    for number in range(KNOWN + WAITING):
        topic = number % len(TOPICS)
        told = counts(chance, topic) if number < KNOWN else [""] * 8
        rows.append([*told, f"{TOPICS[topic]} {number}", ""])
    return rows


def vkflow(home: Path, *arguments: str, **settings: str) -> str:
    """Run the command as a person does; returns all it printed."""
    environment = {
        "VKFLOW_HOME": str(home),
        "VKFLOW_IMAGES__TAGGER": "none",
        "VKFLOW_TRAINING__ITERATIONS": "50",
        **settings,
    }
    done = subprocess.run(
        [sys.executable, "-c", "from flows.command_line import main; main()", *arguments],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        env={**os.environ, **environment},
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def assert_all_is_scored(home: Path) -> None:
    scored = read_snapshot(
        home / "published" / "predictions.duckdb",
        "SELECT activity, count(*) n, bool_and(probability BETWEEN 0 AND 1) ok "
        "FROM latest_predictions GROUP BY activity",
    )
    expected = {each.name for each in ACTIVITIES if each.name not in REPORTED}
    assert {name: (n, ok) for name, n, ok in scored.rows()} == dict.fromkeys(
        expected, (KNOWN + WAITING, True)
    )


@pytest.mark.night
def test_the_command_on_a_file_with_the_columns_of_the_data_set_and_nothing_else(tmp_path: Path):
    path = tmp_path / "posts.csv"
    with path.open("w", encoding="cp1251", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([*posts(), ["many", *[1] * 7, "bad counts", ""]])
        file.write("1,2,3\r\n")
    home = tmp_path / "home"
    said = vkflow(home, "nightly", "--source", "dataset", "--path", str(path))
    assert "Quarantine: 1 rows, the row has fewer fields than the header" in said
    assert "is encoded in Windows-1251, with commas between columns" in said
    scored = read_snapshot(
        home / "published" / "predictions.duckdb",
        "SELECT count(DISTINCT post_id) FROM latest_predictions JOIN posts USING (post_id) "
        f"WHERE text LIKE '%{KNOWN + 1}%' OR text = 'bad counts'",
    )
    assert scored.item() == 2


@pytest.mark.night
def test_a_night_on_a_database_ends_with_predictions_in_another_one(
    prefect_server: None,
    postgres: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    names = [name if name not in ("like",) else '"like"' for name in COLUMNS]
    with postgres.connect() as connection:
        connection.execute(
            "CREATE TABLE vk_posts (id BIGINT, changed TIMESTAMPTZ, message TEXT, "
            + ", ".join(f"{name} BIGINT" for name in names[:8])
            + ")"
        )
        connection.execute("GRANT SELECT ON vk_posts TO reader")
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO vk_posts VALUES (%s, %s, %s, {', '.join(['%s'] * 8)})",
                [
                    (number, NIGHT - timedelta(hours=number), row[8], *(n or None for n in row[:8]))
                    for number, row in enumerate(posts(), 1)
                ],
            )
    home, mine = tmp_path / "home", f"sqlite:///{tmp_path}/mine.db"
    for name, value in {
        "HOME": str(home),
        "IMAGES__TAGGER": "none",
        "TRAINING__ITERATIONS": "50",
        "DATABASE__URL": postgres.url("reader"),
        "DATABASE__TABLE": "vk_posts",
        "DATABASE__COLUMNS": '{"post_id": "id", "text": "message"}',
        "DATABASE__CURSOR": "changed",
        "EXPORT__URL": postgres.url(),
    }.items():
        monkeypatch.setenv(f"VKFLOW_{name}", value)
    nightly(RunOptions(source="database"))
    assert_all_is_scored(home)
    with postgres.connect() as connection:
        exported = connection.execute(
            "SELECT count(*), count(p_like), min(scored_at) > '2026-01-01' FROM predictions_wide"
        ).fetchone()
        assert exported == (KNOWN + WAITING, KNOWN + WAITING, True)
        columns = "SELECT owner_id, name, screen_name, members, address FROM predictions_owners"
        assert connection.execute(columns).fetchall() == [], "this source has no names"
    monkeypatch.setenv("VKFLOW_EXPORT__URL", mine)
    export()
    with sa.create_engine(mine).connect() as connection:
        rows = connection.execute(sa.text("SELECT count(*) FROM latest_predictions")).scalar()
    assert rows == 7 * (KNOWN + WAITING)
    with open_warehouse(home / "warehouse.duckdb") as connection:
        noted = str(connection.execute("FROM runs").fetchall())
        noted += str(connection.execute("FROM watermarks").fetchall())
    noted += "".join(capfd.readouterr())
    assert "vk_posts: changed" in noted
    assert PASSWORD not in noted and QUOTED_PASSWORD not in noted
