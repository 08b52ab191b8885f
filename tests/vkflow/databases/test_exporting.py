"""Writing tables to SQLite and to a real PostgreSQL server: whole or not at all."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.fakes.postgres import PASSWORD, QUOTED_PASSWORD, Postgres
from vkflow.databases.connections import FIRST_ATTEMPTS
from vkflow.databases.exporting import write_tables
from vkflow.errors import ExportError, SettingsError, TransientError

NOON = datetime(2026, 6, 1, 12, 0, 0, 5, tzinfo=UTC)
SCHEMA = {
    "owner_id": pl.Int64,
    "post_id": pl.Int64,
    "text_start": pl.String,
    "p_like": pl.Float64,
    "scored_at": pl.Datetime("us", "UTC"),
}
ROWS = [
    (-1, 2**62, "котики, \"кавычки\"\n\\N и 'ещё'\t", 0.25, NOON),
    (0, 7, "", None, NOON),
    (1, 7, None, 1e-300, None),
]


@dataclass(frozen=True)
class Target:
    """A database to write to."""

    url: SecretStr

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        engine = sa.create_engine(self.url.get_secret_value().replace("sql://", "sql+psycopg://"))
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    if request.param == "sqlite":
        return Target(SecretStr(f"sqlite:///{tmp_path}/mine.db"))
    return Target(SecretStr(request.getfixturevalue("postgres").url()))


def frame(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def numbers(count: int, batch: int = 1_000) -> Iterator[pl.DataFrame]:
    for start in range(0, count, batch):
        yield frame(*((0, n, f"text {n}", 0.5, NOON) for n in range(start, start + batch)))


def test_rows_arrive_as_they_are(target: Target):
    assert write_tables(target.url, {"wide": [frame(*ROWS)]}) == {"wide": 3}
    stored = target.ask("SELECT owner_id, post_id, text_start, p_like FROM wide ORDER BY 1, 2")
    assert stored == [row[:-1] for row in ROWS]
    (moment,) = target.ask("SELECT scored_at FROM wide WHERE owner_id = -1")[0]
    assert datetime.fromisoformat(str(moment)).replace(tzinfo=None) == NOON.replace(tzinfo=None)


def test_writing_again_changes_nothing_and_old_rows_go(target: Target):
    for _ in range(2):
        write_tables(target.url, {"wide": [frame(*ROWS)]})
    assert len(target.ask("SELECT 1 FROM wide")) == 3
    write_tables(target.url, {"wide": [frame(ROWS[0])]})
    assert target.ask("SELECT owner_id FROM wide") == [(-1,)]


def test_no_rows_make_an_empty_table_with_all_columns(target: Target):
    assert write_tables(target.url, {"wide": [frame()]}) == {"wide": 0}
    assert target.ask(f"SELECT {', '.join(SCHEMA)} FROM wide") == []


def test_a_failure_in_the_middle_leaves_everything_as_it_was(target: Target):
    write_tables(target.url, {"a": [frame(ROWS[0])], "b": [frame(ROWS[0])]})

    def breaking() -> Iterator[pl.DataFrame]:
        yield frame(ROWS[1])
        raise RuntimeError("no more rows")

    with pytest.raises(RuntimeError):
        write_tables(target.url, {"a": [frame(ROWS[1])], "b": breaking()})
    for table in ("a", "b"):
        assert target.ask(f"SELECT owner_id FROM {table}") == [(-1,)]


def test_connection_lost_amid_rows_is_a_passing_error(postgres: Postgres):
    def batches() -> Iterator[pl.DataFrame]:
        yield frame(ROWS[0])
        with postgres.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        yield frame(ROWS[1])

    with pytest.raises(TransientError, match="nothing was exported, the connection was lost"):
        write_tables(SecretStr(postgres.url()), {"wide": batches()})


def test_a_table_with_other_columns_is_not_touched(target: Target):
    write_tables(target.url, {"wide": [frame(*ROWS).drop("p_like")]})
    with pytest.raises(ExportError, match="the table wide has no columns p_like; drop it, or"):
        write_tables(target.url, {"wide": [frame()]})
    assert len(target.ask("SELECT 1 FROM wide")) == 3


def test_a_table_made_by_hand_with_more_columns_will_do(target: Target):
    write_tables(target.url, {"wide": [frame().with_columns(pl.lit("").alias("note"))]})
    assert write_tables(target.url, {"wide": [frame(*ROWS)]}) == {"wide": 3}


def test_a_hundred_thousand_rows_take_seconds(postgres: Postgres):
    started = time.monotonic()
    assert write_tables(SecretStr(postgres.url()), {"wide": numbers(100_000, 20_000)}) == {
        "wide": 100_000
    }
    assert time.monotonic() - started < 20


def test_readers_see_the_old_rows_or_the_new_ones_never_none(postgres: Postgres):
    url = SecretStr(postgres.url())
    write_tables(url, {"wide": numbers(5_000)})
    seen: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        with postgres.connect() as connection:
            while not done.is_set():
                counted = connection.execute("SELECT count(*) FROM wide").fetchone()
                seen.add(counted[0] if counted else -1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    write_tables(url, {"wide": numbers(9_000)})
    done.set()
    watcher.join()
    assert seen <= {5_000, 9_000} and seen


def test_two_exports_at_once_leave_each_row_once(postgres: Postgres):
    url = SecretStr(postgres.url())
    write_tables(url, {"wide": numbers(2_000)})
    exports = [
        threading.Thread(target=write_tables, args=(url, {"wide": numbers(2_000)}))
        for _ in range(3)
    ]
    for export in exports:
        export.start()
    for export in exports:
        export.join()
    assert Target(url).ask("SELECT count(*), count(DISTINCT post_id) FROM wide") == [(2_000, 2_000)]


def test_a_schema_may_be_named(postgres: Postgres):
    with postgres.connect() as connection:
        connection.execute("DROP SCHEMA IF EXISTS morning CASCADE; CREATE SCHEMA morning")
    url = SecretStr(postgres.url())
    for _ in range(2):
        write_tables(url, {"wide": [frame(*ROWS)]}, schema="morning")
    assert Target(url).ask("SELECT count(*) FROM morning.wide") == [(3,)]


def test_read_access_does_not_suffice_and_that_is_told(postgres: Postgres):
    with pytest.raises(ExportError, match="permission denied") as raised:
        write_tables(SecretStr(postgres.url("reader")), {"wide": [frame(*ROWS)]})
    assert PASSWORD not in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "no-such-host.invalid:5432"])
def test_where_no_server_answers_it_is_told_after_seconds(address: str):
    """Not as a passing error, after which the run would wait for minutes."""
    waits: list[float] = []
    url = SecretStr(f"postgresql://u:{QUOTED_PASSWORD}@{address}/x")
    with pytest.raises(ExportError, match=rf"nobody answers at postgresql://{address}/x") as raised:
        write_tables(url, {"wide": [frame()]}, sleep=waits.append)
    assert len(waits) == FIRST_ATTEMPTS - 1 and sum(waits) < 10
    assert PASSWORD not in str(raised.value) and QUOTED_PASSWORD not in str(raised.value)


def test_a_server_that_answers_late_is_waited_for(postgres: Postgres):
    postgres.stop()
    url = SecretStr(postgres.url())
    written = write_tables(url, {"wide": [frame(*ROWS)]}, sleep=lambda seconds: postgres.start())
    assert written == {"wide": 3}


@pytest.mark.parametrize("url", ["passw0rd", "postgresql://u:passw0rd%00@127.0.0.1:9/x"])
def test_no_url_is_a_wrong_setting(url: str):
    with pytest.raises(SettingsError, match=r"export\.url is no SQLAlchemy URL") as raised:
        write_tables(SecretStr(url), {"wide": [frame()]})
    assert "passw0rd" not in str(raised.value)


def test_a_locked_sqlite_file_is_a_passing_error(tmp_path: Path):
    holder = sqlite3.connect(tmp_path / "mine.db", isolation_level=None)
    holder.execute("CREATE TABLE other (x)")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(TransientError, match="locked"):
        write_tables(SecretStr(f"sqlite:///{tmp_path}/mine.db?timeout=0.1"), {"wide": [frame()]})
    holder.close()
