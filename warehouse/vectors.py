"""Text vectors in the published snapshot, and the macro that finds the nearest ones."""

import duckdb

from warehouse.constants import read_constant
from warehouse.schema import FOLDER, query


def copy_vectors(connection: duckdb.DuckDBPyConnection) -> int:
    """Write ``text_vectors`` to the attached database ``draft``: those of the encoder in use.

    Args:
        connection: the open warehouse.

    Returns:
        Dimensions of the vectors; 0: there are none yet, and no table is made.
    """
    encoder_id = read_constant(connection, "encoder_id")
    found = connection.execute(
        "SELECT len(embedding) FROM text_embeddings WHERE encoder_id = ? LIMIT 1", [encoder_id]
    ).fetchone()
    if found is None:
        return 0
    (dimensions,) = found
    statement = query("publish_vectors").format(dimensions=int(dimensions))
    connection.execute(statement, {"encoder_id": encoder_id})
    return int(dimensions)


def create_similar_to(copy: duckdb.DuckDBPyConnection, *, has_vectors: bool) -> None:
    """Create the macro ``similar_to`` in a snapshot; without vectors it says how to get them."""
    name = "similar_to" if has_vectors else "similar_to_without_vectors"
    copy.execute((FOLDER / "macros" / f"{name}.sql").read_text(encoding="utf-8"))
