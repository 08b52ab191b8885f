from pathlib import Path

import pytest

from warehouse.errors import WarehouseError
from warehouse.lake.lake import Lake


@pytest.mark.parametrize("password", ["half@SECRET", "half/SECRET", "half%SECRET", "1/SECRET"])
def test_a_password_with_odd_characters_as_they_are_is_refused_and_not_told(
    password: str, tmp_path: Path
) -> None:
    with pytest.raises(WarehouseError, match="cannot be read as a URL") as told:
        Lake(f"postgresql://vkflow:{password}@10.0.0.1/warehouse", "data", tmp_path)
    assert "SECRET" not in str(told.value) + repr(told.value.__cause__)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://vkflow:p%40ss%2Fword@10.0.0.1/warehouse", "10.0.0.1:5432/warehouse"),
        ("postgresql:///warehouse?host=/var/run/postgresql", "/var/run/postgresql:5432/warehouse"),
    ],
)
def test_a_lake_is_told_by_where_its_catalog_is(url: str, place: str, tmp_path: Path) -> None:
    assert str(Lake(url, "data", tmp_path)) == f"the DuckLake of {place}"
