"""Writing vectors, and owners' histories, beside what people would write themselves."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import sqlalchemy as sa

from tests.benchmarks.measuring import Row, faster, interleaved
from tests.benchmarks.models import scratch
from tests.benchmarks.worlds import UNTIL, write_world
from vkflow.modelling.vectors import as_lists
from warehouse.database import open_warehouse
from warehouse.owner_history import read_owner_history
from warehouse.texts import write_text_embeddings

DIMENSIONS = 768
PEER_ROWS = 3_000
"""Rows the peers write: their time grows with the rows, and is multiplied."""


def rows(quick: bool) -> Iterator[Row]:
    """All rows about the warehouse."""
    with scratch() as folder:
        yield from _vectors(folder, 20_000 if quick else 100_000, repeats=1 if quick else 3)
    with scratch() as home:
        yield from _owner_history(home, 20_000 if quick else 100_000)


def _vectors(folder: Path, n: int, repeats: int) -> Iterator[Row]:
    vectors = np.random.default_rng(0).standard_normal((n, DIMENSIONS), dtype=np.float32)
    embeddings = _embeddings(vectors)

    def ours() -> None:
        (folder / "ours.duckdb").unlink(missing_ok=True)
        with open_warehouse(folder / "ours.duckdb") as connection:
            write_text_embeddings(connection, embeddings)

    few = vectors[:PEER_ROWS]
    seconds = interleaved(
        {
            "ours": ours,
            "to_sql": lambda: _to_sql(folder, few),
            "executemany": lambda: _executemany(folder, few),
        },
        repeats=repeats,
        warm=False,
    )
    work = f"{n:,} vectors of {DIMENSIONS} into the warehouse"
    for name, peer, goal in (
        ("executemany", "SQLAlchemy executemany", 100),
        ("to_sql", "pandas.to_sql", 20),
    ):
        theirs = seconds[name] * n / PEER_ROWS
        yield faster(work, seconds["ours"], f"{peer}, {PEER_ROWS:,} rows", theirs, goal)


def _embeddings(vectors: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "text_hash": [f"{number:064x}" for number in range(len(vectors))],
            "encoder_id": "benchmark",
            "embedding": as_lists(vectors),
            "n_tokens": pl.repeat(20, len(vectors), dtype=pl.Int32, eager=True),
            "truncated": False,
        }
    )


def _engine(file: Path) -> sa.Engine:
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE OR REPLACE TABLE vectors (text_hash VARCHAR, embedding FLOAT[])")
    return sa.create_engine(f"duckdb:///{file}")


def _executemany(folder: Path, vectors: np.ndarray) -> None:
    records = [{"text_hash": f"{i:064x}", "embedding": v.tolist()} for i, v in enumerate(vectors)]
    with _engine(folder / "many.duckdb").begin() as connection:
        insert = sa.text("INSERT INTO vectors VALUES (:text_hash, :embedding)")
        connection.execute(insert, records)


def _to_sql(folder: Path, vectors: np.ndarray) -> None:
    hashes = [f"{number:064x}" for number in range(len(vectors))]
    frame = pd.DataFrame({"text_hash": hashes, "embedding": vectors.tolist()})
    frame.to_sql("vectors", _engine(folder / "pandas.duckdb"), if_exists="append", index=False)


def _owner_history(home: Path, posts: int) -> Iterator[Row]:
    from tasks.pulling import pull_posts
    from tasks.step import warehouse_of
    from vkflow.settings import load_settings

    write_world(home, posts, pictured=posts)
    settings = load_settings(home=home)
    pull_posts.fn(settings, UNTIL)
    with warehouse_of(settings) as connection:
        found = connection.execute("SELECT DISTINCT owner_id FROM posts").fetchall()
        owners = [owner for (owner,) in found]
        ours = read_owner_history(connection, owners).sort("owner_id", "post_id")
        theirs = _in_pandas(connection).sort_values(["owner_id", "post_id"])
        for our_name, their_name in (
            ("like_count", "like_count_known"),
            ("recent_hide_count", "hide_count_30d"),
            ("views_7d_count", "views_count_7d"),
        ):
            assert np.allclose(ours[our_name].to_numpy(), theirs[their_name]), our_name
        seconds = interleaved(
            {
                "ours": lambda: read_owner_history(connection, owners),
                "theirs": lambda: _in_pandas(connection),
            },
            repeats=3,
            warm=False,
        )
    yield faster(
        f"owner history of {posts:,} posts", seconds["ours"], "pandas, grouped rolling",
        seconds["theirs"], 10,
    )  # fmt: skip


def _in_pandas(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Sums of all known counts, of those of the last 30 days, and of views of the last 7 and 90."""
    posts = connection.execute("SELECT owner_id, post_id, published_at AS moment FROM posts").df()
    changes = connection.execute("FROM known_counts ORDER BY owner_id, post_id, moment").df()
    sums = [name for name in changes.columns if name.endswith(("_count", "_exposures"))]
    keys = [changes["owner_id"], changes.pop("post_id")]
    changes[sums] = changes[sums].astype(float)
    changes[sums] -= changes[sums].groupby(keys).shift().fillna(0)
    events = pd.concat([changes, posts], ignore_index=True)
    events = events.sort_values(["owner_id", "moment"], kind="stable", ignore_index=True)
    events[sums] = events[sums].fillna(0)
    owners = events.groupby("owner_id", sort=False)
    events = events.join(owners[sums].cumsum(), rsuffix="_known")
    for days, columns in ((30, sums), (7, ["views_count"]), (90, ["views_count"])):
        rolled = owners.rolling(f"{days}D", on="moment", closed="both")[columns].sum()
        rolled = rolled.reset_index(drop=True)[columns]  # grouped as the events are sorted
        events = events.join(rolled, rsuffix=f"_{days}d")
    return events[events["post_id"].notna()]
