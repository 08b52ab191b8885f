"""A restore that is killed must not leave an empty lake that passes for a warehouse."""

import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.fakes.lakes import Lakes
from warehouse import catalogs
from warehouse.constants import read_constant, write_constant
from warehouse.database import open_warehouse
from warehouse.errors import WarehouseError
from warehouse.lake import backups
from warehouse.lake.lake import Lake

pytestmark = [pytest.mark.scale, pytest.mark.timeout(300)]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
RESTORE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from warehouse import catalogs
from warehouse.lake.lake import Lake

url, data, home, copy = sys.stdin.read().split()
print("ready", flush=True)
catalogs.restore(Path(copy), Lake(url, data, Path(home)), Path(home) / "backups", datetime.now(UTC))
"""


def copy_of(warehouse: Lake | Path, home: Path) -> Path:
    """A backup of a warehouse that says "one"."""
    with open_warehouse(warehouse) as connection:
        write_constant(connection, "mine", "one")
        return catalogs.back_up(connection, warehouse, home / "backups", NOW, 9)


def read(lake: Lake) -> str | None:
    with open_warehouse(lake) as connection:
        return read_constant(connection, "mine")


def lost(lakes: Lakes, lake: Lake) -> Lake:
    """The lake without its catalog: a new database beside the data."""
    return Lake(lakes.new(lake.home).url, lake.data, lake.home)


def data_of(lake: Lake) -> set[Path]:
    return set(Path(lake.data).rglob("*.parquet"))


@pytest.mark.parametrize("interrupted", ["connect_lake", "_put_back", "_open_to_others"])
def test_a_lake_is_refused_until_a_restore_has_ended(
    lakes: Lakes, lake: Lake, interrupted: str
) -> None:
    copy, anew = copy_of(lake, lake.home), lost(lakes, lake)
    before = data_of(lake)
    with (
        patch.object(backups, interrupted, side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        catalogs.restore(copy, anew, lake.home / "backups", NOW)
    for use in (
        lambda: read(anew),
        lambda: catalogs.describe(anew),
        lambda: catalogs.compact(anew, anew.home / "none", timedelta(0), datetime.now(UTC)),
    ):
        with pytest.raises(WarehouseError, match=r"did not end.*`vkflow restore` again"):
            use()
    assert data_of(lake) >= before
    assert catalogs.restore(copy, anew, lake.home / "backups", NOW) is None
    assert read(anew) == "one"
    lakes.drop(anew)


def test_a_warehouse_on_its_way_into_a_lake_is_not_half_there(lake: Lake) -> None:
    copy = copy_of(lake.home / "warehouse.duckdb", lake.home)
    with (
        patch.object(backups, "import_file", side_effect=WarehouseError("of another version")),
        pytest.raises(WarehouseError, match="another version"),
    ):
        catalogs.restore(copy, lake, lake.home / "backups", NOW)
    with pytest.raises(WarehouseError, match="did not end"):
        read(lake)
    catalogs.restore(copy, lake, lake.home / "backups", NOW)
    assert read(lake) == "one"


def test_what_there_was_stays_in_use_when_a_restore_over_it_fails(lake: Lake) -> None:
    copy = copy_of(lake, lake.home)
    with open_warehouse(lake) as connection:
        write_constant(connection, "mine", "two")
    with (
        patch.object(backups, "_put_back", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        catalogs.restore(copy, lake, lake.home / "backups", NOW)
    assert read(lake) == "two"


def test_a_restore_killed_at_any_moment_is_done_or_said_not_to_be(lakes: Lakes, lake: Lake) -> None:
    copy, chance, ends = copy_of(lake, lake.home), random.Random(20260601), set()
    for _ in range(8):
        anew = lost(lakes, lake)
        process = subprocess.Popen(
            [sys.executable, "-c", RESTORE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{anew.url} {anew.data} {anew.home} {copy}")
        process.stdin.close()
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.1, 1.2))
        process.kill()
        process.wait()
        try:
            ends.add(read(anew))
        except WarehouseError as error:
            assert "vkflow restore" in str(error)
            ends.add("refused")
            catalogs.restore(copy, anew, lake.home / "backups", NOW)
            assert read(anew) == "one"
        lakes.drop(anew)
    assert ends <= {"one", "refused"} and "refused" in ends


def test_a_second_restore_of_one_moment_keeps_what_the_first_replaced(lake: Lake) -> None:
    copy = copy_of(lake, lake.home)
    replaced = []
    for value in ("two", "three"):
        with open_warehouse(lake) as connection:
            write_constant(connection, "mine", value)
        replaced.append(catalogs.restore(copy, lake, lake.home / "backups", NOW))
    for aside, value in zip(replaced, ("two", "three"), strict=True):
        assert aside is not None
        catalogs.restore(aside, lake, lake.home / "backups", NOW)
        assert read(lake) == value
