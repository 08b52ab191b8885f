"""Versions of posts in a warehouse that was made before they were kept."""

from pathlib import Path

import duckdb
import pytest

from tests.fakes.contents import PUBLISHED, earlier, first, night, now, post, tell, write
from warehouse import schema
from warehouse.database import open_warehouse


@pytest.mark.file
def test_a_warehouse_of_an_earlier_version_has_its_posts_as_first_versions(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: a file from before, one picture of which has not come
    old = {number: file for number, file in schema.migrations().items() if number < 30}
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        with monkeypatch.context() as patch:
            patch.setattr(schema, "migrations", lambda: old)
            schema.migrate(connection)
        rows = [("a", "p"), ("b", None), ("c", None)]
        for number, (text, picture) in enumerate(rows, start=1):
            connection.execute(
                "INSERT INTO posts VALUES (-1, ?, ?, ?, ?, ?, false, 'vk', ?, ?)",
                [number, PUBLISHED, text, text, picture, night(0), night(0)],
            )
        connection.execute("INSERT INTO images VALUES ('p', 1, 1, 1, 'ok', NULL)")
        connection.execute(
            "INSERT INTO quarantine VALUES ('vk', '-1_2 picture', 'lost', '', now())"
        )
    # when
    with open_warehouse(path) as connection:
        assert first(connection) == [("a", "p", False), ("b", None, False), ("c", None, False)]
        write(
            connection,
            night(1),
            post("edited", "p"),
            post("b", "late", number=2),
            post("c", "added", number=3),
        )
        # then
        assert first(connection) == [("a", "p", False), ("b", "late", False), ("c", None, False)]
        assert earlier(connection) == [
            ("a", "p", False, night(0)),
            ("c", None, False, night(0)),
        ]


@pytest.mark.file
def test_pictures_that_were_switched_off_so_far_were_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {number: file for number, file in schema.migrations().items() if number < 30}
    with duckdb.connect(str(path)) as connection:
        with monkeypatch.context() as patch:
            patch.setattr(schema, "migrations", lambda: old)
            schema.migrate(connection)
        connection.execute(
            "INSERT INTO posts VALUES (-1, 1, ?, 'a', 'a', NULL, false, 'vk', ?, ?)",
            [PUBLISHED, night(0), night(0)],
        )
    with open_warehouse(path) as connection:
        write(connection, night(1), post("a", "p"))
        assert first(connection) == [("a", "p", False)] and earlier(connection) == []


def test_posts_of_before_count_as_first_seen_when_they_were_counted_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "warehouse.duckdb"
    old = {number: file for number, file in schema.migrations().items() if number < 41}
    with duckdb.connect(str(path)) as connection:
        with monkeypatch.context() as patch:
            patch.setattr(schema, "migrations", lambda: old)
            schema.migrate(connection)
        for number, edited_at in ((1, None), (2, night(6)), (3, None)):
            connection.execute(
                "INSERT INTO posts BY NAME SELECT -1 AS owner_id, $number AS post_id, 'b' AS text, "
                "'b' AS text_hash, 'dataset' AS source, $run AS first_seen_at, "
                "$edited AS edited_at, $run AS updated_at",
                {"number": number, "run": night(5), "edited": edited_at},
            )
        connection.execute(
            "INSERT INTO earlier_contents BY NAME SELECT -1 AS owner_id, 2 AS post_id, "
            "'a' AS text, 'a' AS text_hash, $run AS seen_at",
            {"run": night(5)},
        )
        for number, day in ((1, 2), (1, 3), (2, 4), (3, 7)):
            connection.execute(
                "INSERT INTO snapshots BY NAME SELECT -1 AS owner_id, $number AS post_id, "
                "$at AS observed_at, 9 AS views",
                {"number": number, "at": night(day)},
            )
    with open_warehouse(path) as connection:
        moments = connection.execute("SELECT first_seen_at FROM posts ORDER BY post_id").fetchall()
        assert moments == [(night(3),), (night(4),), (night(5),)]
        assert earlier(connection) == [("a", None, None, night(4))]
        # One run had read several crawls, of which it kept the last text: they are read again.
        for text, day in (("a", 2), ("b", 3)):
            tell(connection, night(8), post(text, is_ad=None), night(day))
        assert first(connection)[0] == ("a", None, None)
        assert now(connection)[0] == ("b", None, None, night(3))
