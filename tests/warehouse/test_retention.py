import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.conftest import NIGHT, Add
from warehouse.database import open_warehouse
from warehouse.retention import (
    compact,
    count_superfluous_snapshots,
    delete_superfluous_snapshots,
    unneeded_models,
    wanted_images,
)

DAY = timedelta(days=1)


def snapshot(post_id: int, published: datetime, day: int) -> dict:
    return {"post_id": post_id, "observed_at": published + day * DAY, "views": 100 * (day + 1)}


def kept(connection: duckdb.DuckDBPyConnection) -> list[tuple]:
    return connection.execute(
        "SELECT post_id, views FROM snapshots ORDER BY post_id, observed_at"
    ).fetchall()


def test_first_and_newest_snapshots_and_first_and_latest_mature_ones_stay(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
) -> None:
    old, young = NIGHT - 300 * DAY, NIGHT - 10 * DAY
    add_posts(
        {"post_id": 1, "published_at": old},
        {"post_id": 2, "published_at": old},
        {"post_id": 3, "published_at": young},
        {"post_id": 4, "published_at": None},
    )
    add_snapshots(*(snapshot(1, old, day) for day in (0, 1, 3, 5, 7)))
    add_snapshots(*(snapshot(2, old, day) for day in (0, 1)))
    add_snapshots(*(snapshot(3, young, day) for day in (0, 1, 3)))
    add_snapshots(*(snapshot(4, old, day) for day in (0, 1, 3)))
    labels = connection.execute("FROM labels ORDER BY ALL").fetchall()
    cutoff = NIGHT - 180 * DAY
    assert count_superfluous_snapshots(connection, cutoff) == 2
    delete_superfluous_snapshots(connection, cutoff)
    assert kept(connection) == [
        (1, 100), (1, 400), (1, 800),
        (2, 100), (2, 200),
        (3, 100), (3, 200), (3, 400),
        (4, 100), (4, 200), (4, 400),
    ]  # fmt: skip
    assert connection.execute("FROM labels ORDER BY ALL").fetchall() == labels
    assert count_superfluous_snapshots(connection, cutoff) == 0


def test_post_that_was_watched_stays_so_and_its_counts_are_known_no_earlier(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
) -> None:
    published = NIGHT - 300 * DAY
    add_posts({"post_id": 1, "published_at": published})
    moments = [DAY, 2 * DAY, 3 * DAY + timedelta(hours=1), 5 * DAY, 9 * DAY]
    add_snapshots(
        *({"post_id": 1, "observed_at": published + age, "views": 9, "likes": 1} for age in moments)
    )
    label = "SELECT * FROM labels"
    first_mature = (
        "SELECT observed_at, known_at, is_backfilled FROM mature_snapshots "
        "ORDER BY observed_at LIMIT 1"
    )
    before = [connection.execute(query).fetchall() for query in (label, first_mature)]
    assert before[1] == [(published + moments[2], published + moments[2], False)]
    delete_superfluous_snapshots(connection, NIGHT)
    assert connection.execute("SELECT count(*) FROM snapshots").fetchone() == (3,)
    assert [connection.execute(query).fetchall() for query in (label, first_mature)] == before


def test_bundle_is_needed_by_its_predictions_its_promotion_and_its_youth(
    connection: duckdb.DuckDBPyConnection, add_predictions: Add
) -> None:
    old = datetime(2026, 1, 1, tzinfo=UTC)
    for version, status, created in (
        ("rejected", "rejected", old),
        ("predicted", "rejected", old),
        ("champion", "champion", old),
        ("retired", "retired", old),
        ("young", "rejected", NIGHT),
    ):
        connection.execute(
            "INSERT INTO models VALUES (?, ?, ?, NULL, NULL, 0, '{}')", [version, created, status]
        )
    for version in ("champion", "retired"):
        connection.execute(
            "INSERT INTO promotions VALUES (?, ?, 'promoted', 'good')", [old, version]
        )
    add_predictions(
        {"post_id": 1, "model_version": "predicted", "probability": 0.5, "scored_at": NIGHT}
    )
    assert unneeded_models(connection, NIGHT - DAY) == ["rejected"]


def test_pictures_of_posts_are_wanted(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
) -> None:
    add_posts({"post_id": 1, "image_hash": "a"}, {"post_id": 2})
    assert wanted_images(connection) == {"a"}


@pytest.mark.file
def test_compacted_file_is_smaller_and_says_the_same(
    connection: duckdb.DuckDBPyConnection, path: Path
) -> None:
    connection.execute(
        "INSERT INTO text_embeddings SELECT 't' || i, 'e', "
        "list_transform(range(384), lambda x: random()::FLOAT), 5, false FROM range(3000) AS n(i)"
    )
    connection.execute("CHECKPOINT")
    connection.execute("DELETE FROM text_embeddings WHERE text_hash > 't2'")
    rows = connection.execute("FROM text_embeddings ORDER BY ALL").fetchall()
    connection.close()
    before = path.stat().st_size
    won = compact(path)
    assert won > 0 and path.stat().st_size == before - won
    with open_warehouse(path) as again:
        assert again.execute("FROM text_embeddings ORDER BY ALL").fetchall() == rows
        assert again.execute("SELECT count(*) FROM predictions_wide").fetchone() == (0,)


COMPACT = """
import resource, signal, sys
from pathlib import Path
from warehouse.errors import WarehouseError
from warehouse.retention import compact
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, 16_000))
try:
    compact(Path(sys.argv[1]))
except WarehouseError as error:
    print(error)
"""


@pytest.mark.file
@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit of the system")
def test_no_room_to_compact_is_told_and_leaves_nothing(
    connection: duckdb.DuckDBPyConnection, path: Path
) -> None:
    connection.close()
    before = path.read_bytes()
    command = [sys.executable, "-c", COMPACT, path]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    assert "cannot be used" in done.stdout or "is full" in done.stdout
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before
