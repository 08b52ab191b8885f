"""What posts say, and said before: every moment at which one was seen, and what follows from them.

``sightings`` has what was told of each moment. From it ``posts`` and ``earlier_contents`` are made
anew, for posts of which something new is told: neither order nor chunks nor repeats matter.
"""

from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import polars as pl

from warehouse.constants import read_constant
from warehouse.schema import query
from warehouse.writing import delete_rows, registered, replace_rows

KEY = ("owner_id", "post_id")
CONTENT_KEY = (*KEY, "seen_at")
TIME = pl.Datetime("us", "UTC")
SIGHTING_KEY = (*CONTENT_KEY, "is_dated")
SIGHTING = (*SIGHTING_KEY, "published_at", "text_hash", "image_hash", "is_ad", "awaits_picture")
CONTENT = ("text", "text_hash", "image_hash", "is_ad", "awaits_picture")
HASHES = ("said", "present")
# No frame: an operation on one at import hangs processes that are forked of the importing one.
CHANGES: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(KEY, pl.Int64),
    "updated_at": TIME,
    **dict.fromkeys(HASHES, pl.UInt64),
    **{f"{name}_after": pl.UInt64 for name in HASHES},
}


@dataclass(frozen=True)
class Written:
    """What writes changed.

    Attributes:
        new: posts the warehouse did not have.
        conflicts: contents given up for others of the same moment.
        changes: a row for each write of another post: owner_id, post_id, ``updated_at`` before it,
            and hashes before it and ``_after``: of all that the post says and ``said``, and of
            what it says at ``present``.
    """

    new: int = 0
    conflicts: int = 0
    changes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CHANGES))

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.new + other.new,
            self.conflicts + other.conflicts,
            pl.concat([self.changes, other.changes]),
        )

    @property
    def changed(self) -> int:
        """Posts that say or said something else than before the first write."""
        return self._ends().filter(pl.col("said") != pl.col("said_after")).height

    @property
    def unmoved(self) -> pl.DataFrame:
        """owner_id, post_id, updated_at of posts written repeatedly that say what they said."""
        ends = self._ends().filter(pl.col("present") == pl.col("present_after"), pl.col("n") > 1)
        return ends.select(*KEY, "updated_at")

    def _ends(self) -> pl.DataFrame:
        before = pl.first("updated_at", *HASHES)
        after = pl.last(*(f"{name}_after" for name in HASHES))
        posts = self.changes.group_by(KEY, maintain_order=True)
        return posts.agg(before, after, pl.len().alias("n"))


def write_posts(
    connection: duckdb.DuckDBPyConnection,
    posts: pl.DataFrame,
    *,
    source: str,
    seen_at: datetime,
    read_at: datetime | None = None,
) -> Written:
    """Store what is told of posts; what is known already is left alone.

    What a post said before an edit stays in ``earlier_contents``. What is told of a moment of which
    something is stored is no edit but a correction: the newest delivered counts.

    Args:
        connection: the open warehouse, inside a transaction.
        posts: owner_id, post_id, published_at, text, text_hash, image_hash, is_ad; observed_at: in
            UTC, when it was seen to say this, NULL, or no such column: at that of this run; and
            awaits_picture: it has one that did not come this time, so that one that is stored
            stays, and one that comes later was there all the time; no such column: none does. A
            post may come several times; of one moment the last row counts.
        source: name of the source they came from.
        seen_at: the moment of this run.
        read_at: when a source was read that tells the present state; ``None``: nobody knows. A run
            of the past learns nothing then from rows without a moment of posts known from later.
    """
    if posts.is_empty():
        return Written()
    is_past = _told_until(connection, source, seen_at) > seen_at
    parameters = {"source": source, "seen_at": seen_at, "read_at": read_at, "is_past": is_past}
    passes = _passes(_incoming(posts))
    return sum((_write(connection, rows, parameters) for rows in passes), Written())


def _write(
    connection: duckdb.DuckDBPyConnection, incoming: pl.DataFrame, parameters: dict[str, object]
) -> Written:
    """Store rows that say one thing of each moment."""
    with registered(connection, "incoming", incoming):
        known = connection.execute(query("known_sightings")).pl()
        with registered(connection, "known", known):
            news = connection.execute(query("new_sightings"), parameters).pl()
            if news.is_empty():
                return Written()
            with registered(connection, "news", news):
                history = connection.execute(query("post_histories")).pl()
    touched = history.select(KEY).unique()
    before = _said(connection, touched)
    _write_sightings(connection, history, news)
    _write_versions(connection, history, parameters)
    after = _said(connection, before).drop("updated_at")
    changes = before.join(after, on=KEY, suffix="_after")
    return Written(
        touched.height - before.height,
        int(news["is_conflict"].sum()),
        changes.select(*CHANGES),
    )


def keep_moments(connection: duckdb.DuckDBPyConnection, unmoved: pl.DataFrame) -> None:
    """Give posts that a run changed and changed back the moment of their last change again.

    Args:
        connection: the open warehouse, inside a transaction.
        unmoved: of :class:`Written`.
    """
    with registered(connection, "unmoved", unmoved):
        connection.execute(
            "UPDATE posts SET updated_at = unmoved.updated_at FROM unmoved "
            "WHERE posts.owner_id = unmoved.owner_id AND posts.post_id = unmoved.post_id "
            "AND posts.updated_at <> unmoved.updated_at"
        )


def _told_until(connection: duckdb.DuckDBPyConnection, source: str, seen_at: datetime) -> datetime:
    """The latest moment of a run that told what a source says, this one included."""
    name = f"told_until {source}"
    noted = read_constant(connection, name)
    latest = max(seen_at, datetime.fromisoformat(noted)) if noted else seen_at
    if noted is None or latest.isoformat() != noted:
        row = pl.DataFrame({"name": [name], "value": [latest.isoformat()]})
        replace_rows(connection, "constants", row, ("name",))
    return latest


def _incoming(posts: pl.DataFrame) -> pl.DataFrame:
    """The rows with all columns."""
    defaults = {"observed_at": pl.lit(None, TIME), "awaits_picture": pl.lit(value=False)}
    missing = {name: value for name, value in defaults.items() if name not in posts.columns}
    return posts.with_columns(**missing)


def _passes(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """The rows in parts that follow each other: of each moment one row, or one without a moment."""
    if not rows.select(KEY).is_duplicated().any():
        return [rows]
    has_undated = pl.col("observed_at").is_null().any().over(KEY)
    of_moment = pl.int_range(pl.len()).over(*KEY, "observed_at")
    number = pl.when(has_undated).then(pl.int_range(pl.len()).over(KEY)).otherwise(of_moment)
    return rows.with_columns(number.alias("pass")).partition_by(
        "pass", maintain_order=True, include_key=False
    )


def _said(connection: duckdb.DuckDBPyConnection, touched: pl.DataFrame) -> pl.DataFrame:
    with registered(connection, "touched", touched.select(KEY)):
        return connection.execute(query("said_contents")).pl()


def _write_sightings(
    connection: duckdb.DuckDBPyConnection, history: pl.DataFrame, news: pl.DataFrame
) -> None:
    """Store them, but for those that ``posts`` tells as well: of the run that stored it, alone."""
    is_needless = (pl.col("n_moments") == 1) & ~pl.col("is_dated")
    needless = [
        news.filter(pl.col("change") == "undone").select(SIGHTING_KEY),
        history.filter(is_needless, "is_stored").select(SIGHTING_KEY),
    ]
    for rows in needless:
        delete_rows(connection, "sightings", rows, SIGHTING_KEY)
    missing = history.filter(~pl.col("is_stored"), ~is_needless)
    replace_rows(connection, "sightings", missing.select(SIGHTING), SIGHTING_KEY)


def _write_versions(
    connection: duckdb.DuckDBPyConnection,
    history: pl.DataFrame,
    parameters: dict[str, object],
) -> None:
    """Make ``posts`` and ``earlier_contents`` of the moments at which posts were seen."""
    shown = history.with_columns(
        pl.col("published_at").drop_nulls().last().over(KEY),
        pl.col("seen_at").min().over(KEY).alias("first_seen_at"),
        image_hash="shown_image_hash", is_ad="shown_is_ad", awaits_picture="still_awaits_picture",
    ).filter("is_edit")  # fmt: skip
    is_last = pl.col("seen_at") == pl.col("seen_at").max().over(KEY)
    earlier = shown.filter(~is_last).select(*CONTENT_KEY, *CONTENT)
    present = shown.filter(is_last).select(
        *KEY, "published_at", *CONTENT, "first_seen_at",
        pl.when(pl.col("seen_at") > pl.col("first_seen_at")).then("seen_at").alias("edited_at"),
        pl.lit(parameters["source"]).alias("source"),
    )  # fmt: skip
    delete_rows(connection, "earlier_contents", present.select(KEY), KEY)
    replace_rows(connection, "earlier_contents", earlier, CONTENT_KEY)
    with registered(connection, "present", present):
        rows = connection.execute(query("present_posts"), {"seen_at": parameters["seen_at"]}).pl()
    replace_rows(connection, "posts", rows, KEY)
