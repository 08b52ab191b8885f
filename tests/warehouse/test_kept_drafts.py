"""Drafts that are kept, and the posts they became."""

from datetime import datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.warehouse.conftest import NIGHT, Add
from warehouse.kept_drafts import write_drafts

TEXT = "Кто пойдёт с нами в лес за грибами в эту субботу утром"


def keep(connection: duckdb.DuckDBPyConnection, **changes: Any) -> None:
    draft = {
        "draft_id": "d1", "name": "draft 1", "owner_id": -1, "forecast_at": NIGHT,
        "publish_at": NIGHT + timedelta(days=1), "text": TEXT, "text_hash": "t1",
        "image_hash": None, "is_ad": False, **changes,
    }  # fmt: skip
    prediction = {
        "draft_id": draft["draft_id"], "activity": "like", "probability": 0.02, "low": 0.01,
        "high": 0.05, "usual_rate": 0.02, "model_version": "m1", "predicted_by": "model",
    }  # fmt: skip
    drafts = pl.DataFrame([draft], schema_overrides={"image_hash": pl.String})
    write_drafts(connection, drafts, pl.DataFrame([prediction]))


def post(number: int, text: str = TEXT, text_hash: str = "t1", **changes: Any) -> dict[str, Any]:
    published = {"published_at": NIGHT + timedelta(days=1)}
    return {"post_id": number, "text": text, "text_hash": text_hash, **published, **changes}


def found(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT draft_id, post_id, round(similarity, 2), rate, is_within FROM draft_outcomes "
        "ORDER BY ALL"
    ).fetchall()


def test_a_draft_meets_its_post_and_what_it_got(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
) -> None:
    keep(connection)
    assert found(connection) == []
    add_posts(post(7), post(8, "Совсем о другом", "t2"))
    assert found(connection) == [("d1", 7, 1.0, None, None)]
    add_snapshots(
        {"post_id": 7, "observed_at": NIGHT + timedelta(days=40), "views": 1000, "likes": 30}
    )
    assert found(connection) == [("d1", 7, 1.0, 0.03, True)]
    keep(connection)  # once more
    assert len(found(connection)) == 1


@pytest.mark.parametrize(
    ("text", "similarity"),
    [
        (TEXT + "!", 1.0),
        (TEXT.upper() + " 🍄", 1.0),
        (TEXT.replace("лес", "&quot;лес&quot;").replace(" в эту", "<br>&amp; &lt;в&gt; эту"), 1.0),
        (TEXT.replace("утром", "вечером"), 0.83),
        (TEXT + " или лучше в воскресенье вечером", None),
        ("", None),
    ],
)
def test_nearly_the_same_text_is_the_draft_and_another_is_not(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, text: str, similarity: float | None
) -> None:
    keep(connection)
    add_posts(post(7, text, "other"))
    assert [row[2] for row in found(connection)] == ([similarity] if similarity else [])


def test_of_versions_forecast_together_only_the_published_one_is_judged(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
) -> None:
    """The other one has the same words: it lacks the question that was compared."""
    day = timedelta(days=1)
    keep(connection, draft_id="d0")
    keep(connection, draft_id="d1", text=TEXT + "?", text_hash="t2")
    keep(connection, draft_id="d2", text=TEXT + "?", text_hash="t2", image_hash="x")
    keep(connection, draft_id="d3", text=TEXT + "?", text_hash="t2", publish_at=NIGHT + 3 * day)
    keep(connection, draft_id="d4", text=TEXT + "?", text_hash="t2", forecast_at=NIGHT + day / 2)
    add_posts(post(7, TEXT + "?", "t2"))
    assert [row[:2] for row in found(connection)] == [("d1", 7), ("d4", 7)]
    add_posts(post(8, published_at=NIGHT + 2 * day))
    assert [row[:2] for row in found(connection)] == [("d0", 8), ("d1", 7), ("d4", 7)]


def test_with_the_same_text_the_picture_tells_versions_apart(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
) -> None:
    keep(connection, draft_id="d1")
    keep(connection, draft_id="d2", image_hash="x")
    add_posts(post(7, image_hash="the same, written anew"))
    assert [row[0] for row in found(connection)] == ["d2"]


def test_the_most_similar_post_counts_and_then_the_first(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
) -> None:
    keep(connection)
    later = NIGHT + timedelta(days=3)
    add_posts(
        post(7, TEXT.replace("утром", "вечером"), "t3"),
        post(9, published_at=later + timedelta(days=1)),
        post(8, published_at=later),
    )
    assert [row[1] for row in found(connection)] == [8]


@pytest.mark.parametrize(
    "changes",
    [
        {"owner_id": -2},
        {"published_at": NIGHT - timedelta(hours=2)},
        {"published_at": NIGHT + timedelta(days=16)},
        {"published_at": None},
    ],
)
def test_a_post_of_another_wall_or_time_is_not_the_draft(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, changes: dict[str, datetime]
) -> None:
    keep(connection)
    add_posts(post(7, **changes))
    assert found(connection) == []


def test_without_a_text_the_picture_tells(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
) -> None:
    keep(connection, text="", text_hash="empty", image_hash="x")
    add_posts(post(7, "", "empty"), post(8, "", "empty", image_hash="y"))
    assert found(connection) == []
    add_posts(post(9, "", "empty", image_hash="x"))
    assert [row[1] for row in found(connection)] == [9]
