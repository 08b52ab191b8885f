"""The warehouse in a DuckLake: its catalog on PostgreSQL, its data in a folder."""

import random
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import psycopg
import pytest

from tasks.step import warehouse_of
from tests.benchmarks.worlds import UNTIL, step_named, write_world
from tests.command import vkflow
from tests.fakes.hashed_words import HashedWords
from tests.fakes.lakes import Lakes
from tests.fakes.postgres import PASSWORD, QUOTED_PASSWORD, Postgres
from vkflow.settings import load_settings
from warehouse import catalogs
from warehouse.constants import read_constant, write_constant
from warehouse.database import open_warehouse, transaction
from warehouse.digests import digest_tables
from warehouse.errors import (
    WarehouseDamagedError,
    WarehouseError,
    WarehouseUnreachableError,
    WriterLockedError,
    WriterLostError,
)
from warehouse.lake.backups import oldest_moment
from warehouse.lake.lake import Lake, connect_catalog

pytestmark = [pytest.mark.scale, pytest.mark.timeout(300)]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
WRITER = """
import sys
from pathlib import Path
from warehouse.database import open_warehouse, transaction
from warehouse.lake.lake import Lake

with open_warehouse(Lake(sys.stdin.readline().strip(), sys.argv[1], Path(sys.argv[2]))) as lake:
    print("ready", flush=True)
    for chunk in range(1_000):
        with transaction(lake):
            for table in ("constants", "watermarks"):
                lake.execute(f"DELETE FROM {table} WHERE value = 'last'")
                lake.execute(
                    f"INSERT INTO {table} SELECT {chunk} || '-' || i, 'x' FROM range(500) r(i) "
                    f"UNION ALL SELECT 'last', 'last'"
                )
"""


def write(lake: Lake, value: str) -> None:
    with open_warehouse(lake) as connection:
        write_constant(connection, "mine", value)


def read(lake: Lake) -> str | None:
    with open_warehouse(lake) as connection:
        return read_constant(connection, "mine")


def files_of(lake: Lake) -> set[str]:
    return {str(file) for file in Path(lake.data).rglob("*.parquet")}


def known_files(lake: Lake) -> set[str]:
    """Paths the catalog names, of data and of deletions, in use or waiting to be deleted."""
    with open_warehouse(lake) as connection:
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'warehouse'"
        ).fetchall()
        rows = [
            row
            for (table,) in tables
            for row in connection.execute(
                "SELECT data_file, delete_file FROM ducklake_list_files('warehouse', ?)", [table]
            ).fetchall()
        ]
    return {path for row in rows for path in row if path}


def test_what_is_written_is_there_again_and_small_rows_are_files(lake: Lake) -> None:
    assert "is empty" in catalogs.describe(lake)
    write(lake, "one")
    assert read(lake) == "one" and "0 posts" in catalogs.describe(lake)
    with connect_catalog(lake) as catalog:
        inlined = catalog.execute("SELECT * FROM ducklake_inlined_data_tables").fetchall()
        option = "SELECT value FROM ducklake_metadata WHERE key = 'data_inlining_row_limit'"
        assert (inlined, catalog.execute(option).fetchall()) == ([], [("0",)])
    assert files_of(lake) >= known_files(lake) != set()


def test_no_row_is_lost_when_an_altered_table_is_compacted_beside_a_reader(lake: Lake) -> None:
    """With rows inlined into the catalog the first two were gone for good."""
    with open_warehouse(lake) as connection:
        connection.execute("CREATE TABLE waiting (key VARCHAR)")
        connection.execute("INSERT INTO waiting VALUES ('small')")
        connection.execute("ALTER TABLE waiting ADD COLUMN extra INTEGER")
        connection.execute("INSERT INTO waiting VALUES ('small too', 1)")
        connection.execute("BEGIN TRANSACTION")
        assert connection.execute("FROM waiting").fetchone() is not None
        catalogs.compact(lake, lake.home / "backups", timedelta(0), datetime.now(UTC))
        connection.execute("ROLLBACK")
    with open_warehouse(lake) as connection:
        rows = connection.execute("FROM waiting ORDER BY ALL").fetchall()
    assert rows == [("small", None), ("small too", 1)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((QUOTED_PASSWORD, "wrong-secret"), "does not let vkflow in .* correct warehouse.catalog"),
        (("/lake_", "/elsewhere_"), "does not let vkflow in .*does not exist"),
        (("postgresql://", "postgresql//"), "cannot be read as a URL of PostgreSQL"),
    ],
)
def test_a_wrong_url_is_told_without_the_password(
    lake: Lake, change: tuple[str, str], message: str
) -> None:
    with pytest.raises(WarehouseError, match=message) as told:
        write(Lake(lake.url.replace(*change), lake.data, lake.home), "one")
    for secret in (PASSWORD, QUOTED_PASSWORD, "wrong-secret"):
        assert secret not in str(told.value) + repr(told.value.__cause__) + repr(lake)


def test_a_server_that_is_gone_is_unreachable_and_its_lock_is_lost(
    postgres: Postgres, lake: Lake
) -> None:
    write(lake, "one")
    with catalogs.only_writer(lake, "nightly", 0):
        catalogs.check_only_writer(lake)
        postgres.stop()
        try:
            with pytest.raises(WarehouseUnreachableError, match="start PostgreSQL") as told:
                read(lake)
        finally:
            postgres.start()
        assert PASSWORD not in str(told.value)
        with pytest.raises(WriterLostError, match="stores nothing more"):
            catalogs.check_only_writer(lake)
    assert read(lake) == "one"


def test_a_server_that_ends_a_transaction_is_unreachable_and_nothing_is_written(
    postgres: Postgres, lake: Lake
) -> None:
    write(lake, "one")
    with (
        pytest.raises(WarehouseUnreachableError, match="start PostgreSQL"),
        open_warehouse(lake) as connection,
        transaction(connection),
    ):
        connection.execute("UPDATE constants SET value = 'two' WHERE name = 'mine'")
        postgres.stop()
        postgres.start()
    assert read(lake) == "one"


def test_second_writer_is_told_who_is_at_work_and_the_lock_is_free_afterwards(lake: Lake) -> None:
    with catalogs.only_writer(lake, "nightly", 0):
        with (
            pytest.raises(WriterLockedError, match=r"in use by nightly, process .*waited 0 s"),
            catalogs.only_writer(Lake(lake.url, lake.data, lake.home / "other"), "pull", 0.1),
        ):
            pass
        with pytest.raises(WriterLockedError, match="in use by nightly, process"):
            catalogs.free_from_gone_writer(lake)
    assert catalogs.free_from_gone_writer(lake) is None
    with catalogs.only_writer(lake, "pull", 0):
        pass


def test_the_writer_makes_its_home_or_says_that_it_cannot(lake: Lake, tmp_path: Path) -> None:
    with catalogs.only_writer(lake, "nightly", 0):
        assert lake.home.is_dir()
    (tmp_path / "file").touch()
    odd = Lake(lake.url, lake.data, tmp_path / "file" / "home")
    with pytest.raises(WarehouseError, match="set VKFLOW_HOME"), catalogs.only_writer(odd, "a", 0):
        pass


def test_an_empty_lake_does_not_take_the_place_of_what_was_there(lake: Lake) -> None:
    trace = lake.home / "backups" / "warehouse-20260601-000000.lake"
    trace.parent.mkdir(parents=True)
    trace.touch()
    for begin in (lambda: write(lake, "one"), lambda: catalogs.describe(lake)):
        with pytest.raises(WarehouseError, match=r"there was a warehouse\. `vkflow restore`"):
            begin()


def test_a_folder_with_data_of_another_lake_is_refused(lakes: Lakes, lake: Lake) -> None:
    """Maintenance would delete it."""
    write(lake, "one")
    other = Lake(lakes.new(lake.home).url, lake.data, lake.home)
    with pytest.raises(WarehouseError, match="give each lake a folder of its own"):
        write(other, "two")
    assert read(lake) == "one"
    lakes.drop(other)


def test_what_is_restored_is_what_was_backed_up_and_maintenance_spares_its_data(lake: Lake) -> None:
    folder = lake.home / "backups"
    write(lake, "one")
    with open_warehouse(lake) as connection:
        # None of them in the future: what a copy needs is kept from its moment on.
        copies = [
            catalogs.back_up(connection, lake, folder, datetime.now(UTC) - timedelta(seconds=n), 2)
            for n in (2, 1, 0)
        ]
    assert catalogs.list_backups(lake, folder) == [copies[2], copies[1]]
    write(lake, "two")
    for _ in range(2):
        catalogs.compact(lake, folder, timedelta(0), datetime.now(UTC))
    aside = catalogs.restore(copies[1], lake, folder, NOW)
    assert read(lake) == "one"
    said = catalogs.compact(lake, folder, timedelta(0), datetime.now(UTC))
    assert "files of what a restore replaced are kept" in said
    assert aside is not None
    catalogs.restore(aside, lake, folder, NOW + timedelta(days=1))
    assert read(lake) == "two"


def test_data_is_as_old_as_the_oldest_copy_that_needs_it(tmp_path: Path) -> None:
    assert oldest_moment(tmp_path, NOW) == NOW
    (tmp_path / "warehouse-20260503-000000.lake").touch()
    (tmp_path / "before-20260502-000000.lake").touch()
    assert oldest_moment(tmp_path, NOW) == datetime(2026, 5, 2, tzinfo=UTC)
    (tmp_path / "warehouse-mine.lake").touch()
    with pytest.raises(WarehouseError, match="move it elsewhere"):
        oldest_moment(tmp_path, NOW)


def test_a_lost_catalog_is_put_back_beside_its_data(lakes: Lakes, lake: Lake) -> None:
    folder = lake.home / "backups"
    write(lake, "one")
    with open_warehouse(lake) as connection:
        copy = catalogs.back_up(connection, lake, folder, NOW, 1)
    anew = Lake(lakes.new(lake.home).url, lake.data, lake.home)
    assert catalogs.restore(copy, anew, folder, NOW) is None
    assert read(anew) == "one"
    lakes.drop(anew)


def test_a_damaged_copy_changes_nothing(lake: Lake) -> None:
    folder = lake.home / "backups"
    write(lake, "one")
    with open_warehouse(lake) as connection:
        copy = catalogs.back_up(connection, lake, folder, NOW, 1)
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WarehouseDamagedError, match="cannot be read"):
        catalogs.restore(copy, lake, folder, NOW)
    assert read(lake) == "one"
    with pytest.raises(WarehouseError, match="set VKFLOW_WAREHOUSE__CATALOG"):
        catalogs.restore(copy, lake.home / "warehouse.duckdb", folder, NOW)


def test_a_warehouse_in_a_file_moves_into_a_lake_and_changes_no_row(lake: Lake) -> None:
    views = "SELECT view_name FROM duckdb_views() WHERE database_name = 'warehouse' ORDER BY ALL"
    file = lake.home / "warehouse.duckdb"
    with open_warehouse(file) as connection:
        write_constant(connection, "mine", "of the file")
        of_the_file = connection.execute(views).fetchall()
        copy = catalogs.back_up(connection, file, lake.home / "backups", NOW, 1)
    with pytest.raises(WarehouseError, match="vkflow restore"):
        read(lake)
    for _ in range(2):  # into an empty lake, and over what it has
        catalogs.restore(copy, lake, lake.home / "backups", NOW)
        assert read(lake) == "of the file"
        with open_warehouse(lake) as connection:
            assert connection.execute(views).fetchall() == of_the_file != []
            assert connection.execute("FROM labels").fetchall() == []


def test_a_writer_killed_at_any_moment_leaves_whole_transactions_and_no_orphans(
    lake: Lake,
) -> None:
    with open_warehouse(lake):
        pass
    chance, folder = random.Random(20260601), lake.home / "backups"
    for _ in range(4):
        with open_warehouse(lake) as connection:
            connection.execute("DELETE FROM constants WHERE value = 'x'")
            connection.execute("DELETE FROM watermarks")
        command = [sys.executable, "-c", WRITER, lake.data, str(lake.home)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(lake.url + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.1, 0.8))
        process.kill()
        process.communicate()
        with open_warehouse(lake) as connection:
            counts = connection.execute(
                "SELECT (SELECT count(*) FROM constants WHERE value = 'x'), "
                "(SELECT count(*) FROM watermarks WHERE value = 'x')"
            ).fetchall()[0]
        assert counts[0] == counts[1] and counts[0] % 500 == 0
    stray = Path(lake.data) / "main" / "constants" / "ducklake-stray.parquet"
    stray.write_bytes(b"as a killed writer leaves it")
    for _ in range(2):
        catalogs.compact(lake, folder, timedelta(0), datetime.now(UTC))
    assert files_of(lake) == known_files(lake)


def test_commands_speak_of_the_lake_without_its_password(lake: Lake) -> None:
    environment = {
        "VKFLOW_WAREHOUSE__CATALOG": lake.url,
        "VKFLOW_WAREHOUSE__DATA": lake.data,
    }
    write(lake, "one")
    told = [vkflow(command, home=lake.home, **environment) for command in ("unlock", "restore")]
    assert "nobody holds the lock" in told[0].stdout
    assert told[1].returncode == 1 and "there is no backup in" in told[1].stderr
    assert PASSWORD not in "".join(result.stdout + result.stderr for result in told)


def test_no_session_is_left_in_a_transaction(lake: Lake, postgres: Postgres) -> None:
    write(lake, "one")
    with open_warehouse(lake) as connection, psycopg.connect(postgres.url()) as other:
        assert read_constant(connection, "mine") == "one"
        idle = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vkflow' AND state"
        assert other.execute(f"{idle} LIKE 'idle in%'").fetchall() == [(0,)]


STEPS = (
    "pull", "count words", "embed texts", "tag pictures", "train", "score", "advise", "drift",
    "publish", "back up",
)  # fmt: skip


def test_two_nights_leave_the_same_tables_in_a_file_and_in_a_lake(
    lake: Lake, tmp_path: Path
) -> None:
    homes = {kind: tmp_path / kind for kind in ("file", "lake")}
    write_world(homes["file"], 400, owners=8, pictured=10**6)
    shutil.copytree(homes["file"] / "sample", homes["lake"] / "sample")
    digests = {}
    for kind, home in homes.items():
        catalog = {"catalog": lake.url, "data": lake.data} if kind == "lake" else {}
        settings = load_settings(
            home=home, warehouse=catalog, images={"tagger": "none"}, training={"iterations": 20}
        )
        with (
            patch("tasks.texts.load_encoder", lambda _settings: HashedWords(32)),
            patch("tasks.training.emit_event"),
            patch("tasks.drifting.emit_event"),
        ):
            for _ in range(2):
                for step in STEPS:
                    step_named(step, settings)()
        with warehouse_of(settings, UNTIL) as connection:
            digests[kind] = digest_tables(connection)
    assert digests["file"] == digests["lake"]
    assert not (homes["lake"] / "warehouse.duckdb").exists()
