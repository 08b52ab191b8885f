"""Nights that pull from the VK of :mod:`tests.fakes.vk`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from tests.fakes.vk import TOKEN, FakeVk
from vkflow.settings import Settings, load_settings

NIGHT = datetime.now(UTC).replace(microsecond=0)
FIRST_DAYS = 90


def settings_for(
    vk: FakeVk,
    home: Path,
    *owners: int,
    tagger: str = "none",
    reading: dict[str, Any] | None = None,
    **more: Any,
) -> Settings:
    return load_settings(
        home=home,
        source="vk",
        images={"tagger": tagger},
        vk={
            "token": TOKEN,
            "owners": [str(owner) for owner in owners],
            "api_url": vk.address,
            "requests_per_second": 10_000,
            "longest_wait_seconds": 0,
            "first_days": FIRST_DAYS,
            **(reading or {}),
        },
        **more,
    )


def ago(**age: float) -> int:
    return int((NIGHT - timedelta(**age)).timestamp())


def ask(home: Path, statement: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(statement).fetchall()
