"""A step attaches its DuckLake once, and what it does at one time does not leak into the next."""

import os
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest

from tasks.step import step
from tests.fakes.lakes import Lakes
from tests.fakes.postgres import Postgres
from warehouse.constants import read_constant, write_constant
from warehouse.database import open_warehouse
from warehouse.errors import WarehouseUnreachableError
from warehouse.lake import kept
from warehouse.lake.kept import kept_lakes
from warehouse.lake.lake import Lake, fields_of

pytestmark = [pytest.mark.scale, pytest.mark.timeout(300)]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
AS_OF = "SELECT getvariable('as_of')"


def attached(lake: Lake, times: int) -> int:
    """How often a lake is attached that is opened some times."""
    with patch.object(kept, "connect_lake", wraps=kept.connect_lake) as connect:
        for _ in range(times):
            with open_warehouse(lake):
                pass
    return connect.call_count


def test_a_step_attaches_a_lake_once(lake: Lake) -> None:
    assert attached(lake, 3) == 3
    counted = step("count")(attached).fn
    assert [counted(lake, 3), counted(lake, 2)] == [1, 1]


def test_a_machine_of_the_catalog_that_is_gone_is_noticed_in_minutes(lake: Lake) -> None:
    with open_warehouse(lake):
        remote = f":{int(fields_of(lake)['port']):04X}"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        # Of each session: what the kernel waits for ("02" is the next keepalive), and how long.
        open_ones = [line for line in lines if line[2].endswith(remote) and line[3] == "01"]
        timers = [line[5].split(":") for line in open_ones]
    assert timers
    for kind, ticks in timers:
        assert kind == "02" and int(ticks, 16) <= 60 * os.sysconf("SC_CLK_TCK")


def test_two_lakes_in_a_step_are_two(lakes: Lakes, lake: Lake) -> None:
    other = lakes.new(lake.home.with_name("other"))
    with kept_lakes():
        for each, value in ((lake, "one"), (other, "another"), (lake, "two")):
            with open_warehouse(each) as connection:
                write_constant(connection, "mine", value)
        with open_warehouse(other) as connection:
            assert read_constant(connection, "mine") == "another"
    lakes.drop(other)


def test_nothing_of_one_session_is_seen_by_the_next(lake: Lake) -> None:
    with kept_lakes():
        with open_warehouse(lake, as_of=NOW) as connection:
            connection.execute("CREATE TEMP TABLE draft AS SELECT 1 AS number")
            assert connection.execute(AS_OF).fetchall() == [(NOW,)]
        with open_warehouse(lake) as connection:
            assert connection.execute(AS_OF).fetchall() == [(None,)]
            with pytest.raises(duckdb.CatalogException):
                connection.execute("FROM draft")
        with pytest.raises(KeyError), open_warehouse(lake) as connection:
            connection.execute("BEGIN TRANSACTION")
            connection.execute("INSERT INTO constants VALUES ('mine', 'half')")
            raise KeyError
        with open_warehouse(lake) as connection:
            assert read_constant(connection, "mine") is None


def test_sessions_within_each_other_see_what_is_committed(lake: Lake) -> None:
    with kept_lakes(), open_warehouse(lake) as outer:
        with open_warehouse(lake) as inner:
            write_constant(inner, "mine", "inner")
        assert read_constant(outer, "mine") == "inner"


def test_a_catalog_that_was_away_is_attached_anew(lake: Lake, postgres: Postgres) -> None:
    with kept_lakes():
        with open_warehouse(lake) as connection:
            write_constant(connection, "mine", "before")
        postgres.stop()
        try:
            with pytest.raises(WarehouseUnreachableError), open_warehouse(lake):
                pass
        finally:
            postgres.start()
        with open_warehouse(lake) as connection:
            assert read_constant(connection, "mine") == "before"
        postgres.stop()
        postgres.start()
        with open_warehouse(lake) as connection:
            assert read_constant(connection, "mine") == "before"
