"""A table or query as a source, on SQLite and on a real PostgreSQL server."""

import json
import logging
import socket
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.postgres import PASSWORD, QUOTED_PASSWORD, Postgres
from vkflow.databases import connections
from vkflow.databases.connections import FIRST_ATTEMPTS
from vkflow.errors import SettingsError, SourceError, TransientError
from vkflow.settings.sources import DatabaseSettings
from vkflow.sources.database import reading
from vkflow.sources.database.source import ATTEMPTS, DatabaseSource
from vkflow.sources.source import Chunk

NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
TABLE = """CREATE TABLE posts (
    owner_id BIGINT, post_id BIGINT, text TEXT, view BIGINT, "like" BIGINT, photo {bytes},
    published_at {time}, updated_at {time}, is_ad BOOLEAN
)"""
INSERT = 'INSERT INTO posts (post_id, text, view, "like", updated_at) VALUES '


@dataclass(frozen=True)
class Database:
    """A database with an empty table of posts."""

    url: str
    execute: Callable[[str], object]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterable[Database]:
    if request.param == "sqlite":
        file = tmp_path / "posts.db"
        with sqlite3.connect(file, isolation_level=None) as connection:
            connection.execute(TABLE.format(bytes="BLOB", time="TEXT"))
            yield Database(f"sqlite:///{file}", connection.execute)
        connection.close()
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.connect() as connection:
        connection.execute(TABLE.format(bytes="BYTEA", time="TIMESTAMPTZ"))
        connection.execute("GRANT SELECT ON posts TO reader")
        yield Database(server.url("reader"), connection.execute)


def add(database: Database, *rows: tuple[int | None, str, int | None, str]) -> None:
    """Post id, text, views and updated_at."""
    for post_id, text, views, updated_at in rows:
        values = ["NULL" if each is None else str(each) for each in (post_id, views)]
        database.execute(f"{INSERT} ({values[0]}, '{text}', {values[1]}, 1, '{updated_at}')")


def source(url: str, **settings: Any) -> DatabaseSource:
    if "query" not in settings:
        settings.setdefault("table", "posts")
    return DatabaseSource(DatabaseSettings(url=url, **settings), sleep=lambda seconds: None)


def fetch(url: str, since: str | None = None, as_of: datetime = NIGHT, **settings: Any):
    return list(source(url, **settings).fetch(since, as_of))


def texts(chunks: Iterable[Chunk]) -> list[str]:
    return [text for chunk in chunks for text in chunk.posts["text"]]


def test_a_table_arrives_as_it_is_with_read_access_alone(database: Database):
    photo = "x'636174'" if database.url.startswith("sqlite") else r"'\x636174'"
    database.execute(
        'INSERT INTO posts (owner_id, post_id, text, view, "like", photo, published_at, is_ad) '
        f"VALUES (-5, 7, 'котики: 100%', 90, 3, {photo}, '2026-05-01 12:00:00+03:00', true)"
    )
    (chunk,) = fetch(database.url)
    assert chunk.posts.rows() == [
        (-5, 7, datetime(2026, 5, 1, 9, tzinfo=UTC), None, "котики: 100%", True)
    ]
    assert chunk.snapshots.select("post_id", "observed_at", "views", "likes", "opens").rows() == [
        (7, None, 90, 3, None)
    ]
    assert chunk.pictures.rows() == [(-5, 7, b"cat")]
    assert chunk.watermark is None


def test_a_query_with_other_names_is_read(database: Database):
    add(database, (7, "cat", 90, "2026-05-01 00:00:00"), (8, "dog", 50, "2026-05-01 00:00:00"))
    (chunk,) = fetch(
        database.url,
        query="""SELECT post_id AS "Id", text AS message, view AS seen, updated_at AS changed
            FROM posts WHERE text LIKE 'c%' AND 'a:b' = 'a:b';""",
        columns={"post_id": "Id", "text": "message", "view": "seen"},
        cursor="changed",
    )
    assert chunk.posts.select("owner_id", "post_id", "text").rows() == [(0, 7, "cat")]
    assert chunk.snapshots["views"].to_list() == [90]


def test_a_query_may_end_with_a_comment(database: Database):
    add(database, (1, "cat", 9, "2026-05-01"))
    assert texts(fetch(database.url, query="SELECT post_id, text FROM posts -- all")) == ["cat"]


def test_rows_come_in_chunks_by_the_cursor_each_with_how_far_it_is(database: Database):
    add(database, *((n, f"text {n}", n, f"2026-05-01 00:00:{n:02}") for n in (3, 1, 2, 4, 5)))
    chunks = fetch(database.url, cursor="post_id", chunk_rows=2)
    assert texts(chunks) == [f"text {n}" for n in (1, 2, 3, 4, 5)]
    assert [json.loads(chunk.watermark)["value"] for chunk in chunks][-1] == 5


def test_small_fetches_make_small_chunks(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "FETCHED_ROWS", 2)
    add(database, *((n, f"text {n}", n, "2026-05-01 00:00:00") for n in range(1, 6)))
    chunks = fetch(database.url, cursor="post_id", chunk_rows=2, lag=0)
    assert [chunk.posts["post_id"].to_list() for chunk in chunks] == [[1, 2], [3, 4], [5]]
    assert [json.loads(chunk.watermark)["value"] for chunk in chunks] == [2, 4, 5]


def test_the_next_night_reads_what_is_new_and_what_was_committed_late(database: Database):
    add(
        database,
        (1, "old", 1, "2026-05-01 00:00:00"),
        (2, "recent", 1, "2026-05-31 23:30:00"),
        (3, "last", 1, "2026-06-01 00:00:00"),
    )
    (first,) = fetch(database.url, cursor="updated_at", lag=3_600)
    assert texts([first]) == ["old", "recent", "last"]
    # Begun before the last one was, committed after it was read.
    add(database, (4, "late", 1, "2026-05-31 23:59:00"), (5, "new", 1, "2026-06-01 01:00:00"))
    (second,) = fetch(database.url, first.watermark, cursor="updated_at", lag=3_600)
    assert texts([second]) == ["recent", "late", "last", "new"]
    assert texts(fetch(database.url, second.watermark, cursor="updated_at", lag=0)) == ["new"]


def test_a_lag_behind_a_number_is_so_many_units(database: Database):
    add(database, *((n, f"text {n}", n, "2026-05-01 00:00:00") for n in (10, 20, 30)))
    (first,) = fetch(database.url, cursor="post_id", lag=15)
    assert texts(fetch(database.url, first.watermark, cursor="post_id", lag=15)) == [
        "text 20",
        "text 30",
    ]


def test_the_position_never_goes_back(database: Database):
    add(database, (1, "a", 1, "2026-05-01 00:00:00"), (2, "b", 1, "2026-05-02 00:00:00"))
    (first,) = fetch(database.url, cursor="updated_at")
    database.execute("DELETE FROM posts WHERE post_id = 2")
    add(database, (3, "c", 1, "2026-05-01 23:30:00"))
    (second,) = fetch(database.url, first.watermark, cursor="updated_at")
    assert texts([second]) == ["c"]
    assert second.watermark == first.watermark


def test_rows_changed_later_than_the_run_stands_at_are_left_for_another_night(database: Database):
    late = (NIGHT + HOUR).isoformat(sep=" ")
    add(database, (1, "known", 1, "2026-05-01 00:00:00+00:00"), (2, "later", 1, late))
    (first,) = fetch(database.url, cursor="updated_at")
    assert texts([first]) == ["known"]
    assert "later" in texts(
        fetch(database.url, first.watermark, NIGHT + 2 * HOUR, cursor="updated_at")
    )


def test_rows_without_a_value_in_the_cursor_are_read_every_time(database: Database):
    database.execute("INSERT INTO posts (post_id, text) VALUES (9, 'timeless')")
    add(database, (1, "a", 1, "2026-05-01 00:00:00"))
    (first,) = fetch(database.url, cursor="updated_at")
    assert sorted(texts([first])) == ["a", "timeless"]
    again = fetch(database.url, first.watermark, cursor="updated_at")
    assert sorted(texts(again)) == ["a", "timeless"]


def test_the_position_of_another_table_or_column_is_not_used(database: Database):
    add(database, (1, "a", 1, "2026-05-01 00:00:00"))
    (first,) = fetch(database.url, cursor="updated_at")
    assert texts(fetch(database.url, first.watermark, cursor="post_id", lag=0)) == ["a"]


def test_without_a_cursor_everything_is_read_every_night(database: Database):
    add(database, (1, "a", 1, "2026-05-01 00:00:00"))
    for _ in range(2):
        (chunk,) = fetch(database.url)
        assert (texts([chunk]), chunk.watermark, chunk.reread) == (["a"], None, "row ")


def test_rows_that_cannot_be_right_are_rejected_one_by_one(database: Database):
    add(database, (1, "good", 5, "2026-05-01 00:00:00"), (None, "no id", 5, "2026-05-01 00:00:00"))
    add(database, (-3, "negative", 5, "2026-05-01 00:00:00"))
    (chunk,) = fetch(database.url, cursor="updated_at")
    assert texts([chunk]) == ["good"]
    keys = chunk.rejected["key"]
    assert sorted(chunk.rejected["reason"]) == ["post_id is missing", "post_id is negative"]
    assert keys.n_unique() == 2 and keys.str.starts_with("row ").all()
    assert chunk.seen == 3
    assert fetch(database.url, cursor="updated_at")[0].rejected["key"].to_list() == keys.to_list()


def test_times_beyond_all_calendars_reject_their_row_only(postgres: Postgres):
    with postgres.connect() as connection:
        connection.execute(TABLE.format(bytes="BYTEA", time="TIMESTAMPTZ"))
        connection.execute(
            "INSERT INTO posts (post_id, text, published_at, updated_at) VALUES "
            "(1, 'endless', 'infinity', 'infinity'), (2, 'old', '0044-03-15 BC', '0044-03-15 BC'), "
            "(3, 'far', '12000-01-01', '2026-05-01'), (4, 'good', '2026-05-01', '2026-05-01')"
        )
    (chunk,) = fetch(postgres.url(), cursor="updated_at")
    assert texts([chunk]) == ["good"]
    assert set(chunk.rejected["reason"]) == {"published_at is not a time"}
    assert sorted(chunk.rejected["key"]) == ["0_1", "0_2", "0_3"]


def test_bytes_that_are_no_text_reject_their_row_only(tmp_path: Path):
    with sqlite3.connect(tmp_path / "posts.db") as connection:
        connection.execute("CREATE TABLE posts (post_id, text, view)")
        connection.execute("INSERT INTO posts VALUES (1, CAST(x'D0FF' AS TEXT), 5), (2, 'ok', 'x')")
    connection.close()
    (chunk,) = fetch(f"sqlite:///{tmp_path}/posts.db")
    assert texts([chunk]) == ["ok"]
    assert sorted(chunk.rejected["reason"]) == [
        "the row has bytes that are no UTF-8",
        "view is not a whole number",
    ]
    assert chunk.seen == 2


def test_a_lost_connection_is_opened_again_and_nothing_is_read_twice_or_missed(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(reading, "FETCHED_ROWS", 50)
    with postgres.connect() as connection:
        connection.execute("CREATE TABLE posts (post_id bigint, text text)")
        connection.execute(
            "INSERT INTO posts SELECT n, 'text ' || n FROM generate_series(1, 500) n"
        )
        chunks, stream = (
            [],
            source(postgres.url(), cursor="post_id", lag=0, chunk_rows=50).fetch(None, NIGHT),
        )
        for chunk in stream:
            chunks.append(chunk)
            if len(chunks) in (2, 5):
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = 'posts'"
                )
    assert set(texts(chunks)) == {f"text {n}" for n in range(1, 501)}
    assert len(texts(chunks)) <= 500 + 4  # what has the last value of the cursor comes again
    assert "trying again, the connection was lost" in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("address", ["127.0.0.1:9", "no-such-host.invalid:5432"])
def test_where_no_server_answers_it_is_told_after_seconds(address: str):
    waits: list[float] = []
    settings = DatabaseSettings(url=f"postgresql://u:{QUOTED_PASSWORD}@{address}/x", table="t")
    with pytest.raises(SourceError, match=rf"nobody answers at postgresql://{address}/x") as raised:
        list(DatabaseSource(settings, waits.append).fetch(None, NIGHT))
    assert len(waits) == FIRST_ATTEMPTS - 1 and sum(waits) < 10
    assert PASSWORD not in str(raised.value) and QUOTED_PASSWORD not in str(raised.value)


def test_a_host_that_is_silent_is_waited_for_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "CONNECT_SECONDS", 2)
    waits: list[float] = []
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/x"
        with pytest.raises(SourceError, match="nobody answers at"):
            list(
                DatabaseSource(DatabaseSettings(url=url, table="t"), waits.append).fetch(
                    None, NIGHT
                )
            )
    assert waits == []


def test_a_database_that_is_lost_and_stays_away_is_a_passing_error_after_some_tries(
    postgres: Postgres,
):
    waits: list[float] = []
    with postgres.connect() as connection:
        connection.execute("CREATE TABLE posts (post_id bigint, text text)")
        connection.execute("INSERT INTO posts SELECT n, 'x' FROM generate_series(1, 500) n")
    settings = DatabaseSettings(url=postgres.url(), table="posts", cursor="post_id", chunk_rows=50)
    chunks = DatabaseSource(settings, waits.append).fetch(None, NIGHT)
    next(chunks)
    postgres.stop()
    try:
        with pytest.raises(TransientError, match="could not be reached 5 times"):
            list(chunks)
    finally:
        postgres.start()
    assert len(waits) == ATTEMPTS - 1 and waits == sorted(waits)


def test_a_wrong_password_is_told_at_once_and_not_printed(
    postgres: Postgres, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    url = postgres.url().replace(QUOTED_PASSWORD, "wr0ng%20pass")
    with pytest.raises(SourceError, match="password authentication failed") as raised:
        fetch(url)
    shown = f"{raised.value}{raised.value.__cause__}{caplog.text}"
    assert "wr0ng" not in shown
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"table": "nothing"}, "nothing"),
        ({"query": "SELEKT 1"}, "SELEKT|syntax"),
        (
            {"columns": {"text": "message"}},
            "table posts lacks the columns message; it has own",
        ),
        ({"cursor": "changed"}, "table posts lacks the columns changed"),
        ({"query": "SELECT post_id FROM posts"}, "the query lacks the columns t"),
        ({"cursor": "text"}, "must be a column of numbers or times that grow; text has 'cat'"),
    ],
    ids=["table", "query", "column", "cursor", "text", "cursor of texts"],
)
def test_what_the_database_refuses_is_told(
    database: Database, settings: dict[str, Any], message: str
):
    add(database, (1, "cat", 1, "2026-05-01 00:00:00"))
    with pytest.raises(SourceError, match=message):
        fetch(database.url, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "VKFLOW_DATABASE__URL"),
        ({"url": "sqlite://"}, "either VKFLOW_DATABASE__TABLE or VKFLOW_DATABASE__QUERY"),
        ({"url": "sqlite://", "table": "a", "query": "b"}, "either VKFLOW_DATABASE__TABLE"),
        ({"url": "secret/p4ss", "table": "a"}, "database.url is no SQLAlchemy URL"),
        ({"url": "nodb://u:p4ss@h/x", "table": "a"}, "SQLAlchemy knows no nodb databases"),
        ({"url": "mysql+pymysql://u:p4ss@h/x", "table": "a"}, "driver pymysql is not installed"),
        ({"url": "sqlite:///a.db?timeout=p4ss", "table": "a"}, "a value that sqlite does not take"),
        ({"url": "sqlite://p4ss.db", "table": "a"}, "not take; .* sqlite:////folder/file.db"),
        (
            {"url": "sqlite+aiosqlite:///a.db?x=p4ss", "table": "a"},
            "leave it out of the URL, as in sqlite://",
        ),
        ({"url": "sqlite://", "table": "a", "columns": {"txt": "t"}}, "there is no column txt"),
    ],
)
def test_wrong_settings_are_told_before_any_work(settings: dict[str, Any], message: str):
    with pytest.raises(SettingsError, match=message) as raised:
        DatabaseSource(DatabaseSettings(**settings))
    assert "p4ss" not in str(raised.value)


def test_a_description_says_what_would_be_read(database: Database):
    assert source(database.url).describe().endswith("8 columns of posts")
    with pytest.raises(SourceError, match="nothing"):
        source(database.url, table="nothing").describe()


def test_a_table_of_another_schema_is_read(postgres: Postgres):
    with postgres.connect() as connection:
        connection.execute('DROP SCHEMA IF EXISTS "Own" CASCADE; CREATE SCHEMA "Own"')
        connection.execute("CREATE TABLE \"Own\".posts AS SELECT 1 AS post_id, 'x' AS text")
    assert texts(fetch(postgres.url(), table="Own.posts")) == ["x"]


def test_many_rows_are_streamed(postgres: Postgres):
    with postgres.connect() as connection:
        connection.execute("CREATE TABLE posts (post_id bigint, text text)")
        connection.execute("INSERT INTO posts SELECT n, 'x' FROM generate_series(1, 100000) n")
        stream = source(postgres.url(), cursor="post_id", chunk_rows=1_000).fetch(None, NIGHT)
        next(stream)
        held = connection.execute("SELECT count(*) FROM pg_cursors").fetchone()
        states = connection.execute(
            "SELECT query FROM pg_stat_activity WHERE state = 'idle in transaction'"
        ).fetchall()
        stream.close()
    assert held == (0,)  # cursors of other sessions are not shown
    assert any(query.startswith("FETCH FORWARD") for (query,) in states)


anything = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.binary(max_size=9)
    | st.text(max_size=9)
    | st.sampled_from(["1", "-1", "1.0", "2026-05-01", "9999-99-99", "NaN", "\x00"])
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(st.booleans(), *[anything] * 8), min_size=1, max_size=20))
def test_whatever_a_table_holds_no_row_stops_the_reading_or_is_lost(
    tmp_path: Path, rows: list[tuple[Any, ...]]
):
    file = tmp_path / "any.db"
    file.unlink(missing_ok=True)
    names = 'post_id, text, owner_id, view, "like", photo, published_at, observed_at, is_ad'
    with sqlite3.connect(file) as connection:
        connection.execute(f"CREATE TABLE posts ({names}, updated_at)")
        connection.executemany(
            f"INSERT INTO posts VALUES ({', '.join('?' * 9)}, '2026-05-01')",
            [(n if has_id else f"no id {n}", *row) for n, (has_id, *row) in enumerate(rows)],
        )
    connection.close()
    chunks = fetch(f"sqlite:///{file}", cursor="updated_at", chunk_rows=7)
    ids = [row for chunk in chunks for row in chunk.posts.select("owner_id", "post_id").rows()]
    rejected = [key for chunk in chunks for key in chunk.rejected["key"] if "counts" not in key]
    assert sum(chunk.seen or 0 for chunk in chunks) == len(rows) == len(ids) + len(set(rejected))


def test_row_of_the_far_future_is_named_and_the_others_are_read(database: Database):
    add(database, (1, "cat", 9, "2026-05-01 00:00:00"), (2, "dog", 9, "2999-01-01 00:00:00"))
    for since in (None, None):
        (chunk,) = fetch(database.url, since, cursor="updated_at")
        assert texts([chunk]) == ["cat"]
        [(key, reason, payload)] = chunk.rejected.rows()
        assert key == "0_2" and "the cursor lies in the future" in reason
        assert payload.startswith("2999-01-01")
        assert "2026-05-01" in chunk.watermark


def test_value_longer_than_any_post_is_never_read(database: Database):
    add(database, (1, "cat", 9, "2026-05-01"), (2, "a" * (2**24 + 1), 9, "2026-05-02"))
    add(database, (3, "b" * 2**24, 9, "2026-05-03"), (4, "dog", 9, "2026-05-04"))
    zeros = "zeroblob" if database.url.startswith("sqlite") else "make_bytes"
    if zeros == "make_bytes":
        database.execute(
            "CREATE FUNCTION make_bytes(n integer) RETURNS bytea IMMUTABLE LANGUAGE sql "
            "AS $$ SELECT decode(repeat('00', n), 'hex') $$"
        )
    database.execute(f"UPDATE posts SET photo = {zeros}({2**24 + 1}) WHERE post_id = 4")
    chunks = fetch(database.url, cursor="updated_at", chunk_rows=1)
    assert [text[:3] for text in texts(chunks)] == ["cat", "bbb"]
    rejected = [row for chunk in chunks for row in chunk.rejected.rows()]
    assert [reason for _, reason, _ in rejected] == [
        "the row has a value of more than 16 MiB, which no post has"
    ] * 2
    assert all(len(payload) < 500 for _, _, payload in rejected)
    assert sum(chunk.seen or 0 for chunk in chunks) == 4
    assert "2026-05-04" in chunks[-1].watermark


@pytest.mark.parametrize("kind", ["json", "jsonb", "text[]", "xml", "varchar", "char(3)", "uuid"])
def test_columns_of_any_type_can_be_asked_for_their_length(postgres: Postgres, kind: str):
    value = {"json": "{}", "jsonb": "{}", "text[]": "{}", "xml": "<a/>"}.get(kind, "abc")
    value = "00000000-0000-0000-0000-000000000000" if kind == "uuid" else value
    with postgres.connect() as connection:
        connection.execute(f"CREATE TABLE posts (post_id bigint, text {kind}, view numeric)")
        connection.execute(f"INSERT INTO posts VALUES (1, '{value}', 7)")
    [chunk] = fetch(postgres.url())
    assert len(chunk.posts) == 1


def test_mistyped_sqlite_file_is_named_and_not_made(tmp_path: Path):
    with pytest.raises(SourceError, match="there is no SQLite file"):
        source(f"sqlite:///{tmp_path}/typo.db")
    assert not (tmp_path / "typo.db").exists()
