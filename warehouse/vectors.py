"""Vectors in the published snapshot, and the macro that finds the nearest posts by them."""

from typing import Literal

import duckdb

from warehouse.constants import read_constant
from warehouse.reading import first_row
from warehouse.schema import FOLDER, query

Content = Literal["text", "image"]
"""What of posts is compared."""

ENCODERS: dict[Content, str] = {"text": "encoder_id", "image": "tagger_id"}
"""The constant that says whose vectors are in use, by what they are of."""


def copy_vectors(connection: duckdb.DuckDBPyConnection) -> bool:
    """Write ``text_vectors`` and ``image_vectors`` to the attached database ``draft``.

    Args:
        connection: the open warehouse.

    Returns:
        Whether there are any; without, no table is made.
    """
    dimensions = {content: _dimensions(connection, content) for content in ENCODERS}
    if not any(dimensions.values()):
        return False
    for content, constant in ENCODERS.items():
        # FLOAT[0] is no type: a table without rows gets one dimension.
        statement = query("publish_vectors").format(
            content=content, dimensions=dimensions[content] or 1
        )
        connection.execute(statement, {"encoder_id": read_constant(connection, constant)})
    return True


def _dimensions(connection: duckdb.DuckDBPyConnection, content: Content) -> int:
    found = first_row(
        connection.execute(
            f"SELECT len(embedding) FROM {content}_embeddings WHERE encoder_id = ? LIMIT 1",  # noqa: S608 - a name of ours
            [read_constant(connection, ENCODERS[content])],
        )
    )
    return 0 if found is None else int(found[0])


def create_similar_to(copy: duckdb.DuckDBPyConnection, *, has_vectors: bool) -> None:
    """Create the macro ``similar_to`` in a snapshot; without vectors it says how to get them."""
    name = "similar_to" if has_vectors else "similar_to_without_vectors"
    copy.execute((FOLDER / "macros" / f"{name}.sql").read_text(encoding="utf-8"))
