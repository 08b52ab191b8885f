from pathlib import Path

import duckdb
import pytest

import warehouse
from warehouse.reading import first_row

OF_DUCKDB = [
    file
    for file in Path(warehouse.__file__).parent.glob("**/*.py")
    if file.parts[-2:] != ("lake", "opening.py")  # asks PostgreSQL itself
]


def test_the_first_row_or_none() -> None:
    with duckdb.connect() as connection:
        assert first_row(connection.execute("FROM range(3)")) == (0,)
        assert first_row(connection.execute("FROM range(0)")) is None
        assert first_row(connection.sql("FROM range(3)").aggregate("count(*)")) == (3,)


@pytest.mark.parametrize("file", OF_DUCKDB, ids=lambda file: file.stem)
def test_no_result_is_left_open(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    assert ".fetchone(" not in source, "use warehouse.reading.first_row"
