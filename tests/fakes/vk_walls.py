"""Walls of the fake VK, and what a pull brings of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from tests.fakes.vk import make_post
from vkflow.errors import VkflowError
from vkflow.sources.source import Chunk
from vkflow.sources.vk.calls import Timing
from vkflow.sources.vk.source import VkSource

NOW = datetime(2026, 6, 1, 2, 30, tzinfo=UTC)
HOUR = 3_600
DAY = 24 * HOUR


def wall(owner_id: int, *ages_hours: float) -> list[dict]:
    """Posts of these ages at NOW, numbered from the oldest."""
    ages = sorted(ages_hours, reverse=True)
    return [
        make_post(owner_id, number, int(NOW.timestamp() - age * HOUR), f"текст {number}")
        for number, age in enumerate(ages, 1)
    ]


def fetch(source: VkSource, since: str | None = None, as_of: datetime = NOW) -> list[Chunk]:
    """What a pull brings."""
    return list(source.fetch(since, as_of))


def fetch_failing(
    source: VkSource, since: str | None = None, as_of: datetime = NOW
) -> tuple[list[Chunk], VkflowError]:
    """What came before the source gave up, and why it did."""
    chunks = []
    with pytest.raises(VkflowError) as raised:
        for chunk in source.fetch(since, as_of):
            chunks.append(chunk)
    return chunks, raised.value


def rows(chunks: list[Chunk], frame: str, *columns: str) -> list[tuple[Any, ...]]:
    """Of all chunks: columns of one of their frames."""
    return pl.concat([getattr(chunk, frame) for chunk in chunks]).select(columns).rows()


def keys(chunks: list[Chunk], frame: str = "posts") -> list[tuple[int, int]]:
    """Which posts came, or had counts."""
    return rows(chunks, frame, "owner_id", "post_id")


def complaints(chunks: list[Chunk]) -> list[tuple[str, str]]:
    """What was put aside, and why."""
    return rows(chunks, "rejected", "key", "reason")


def progress(chunks: list[Chunk]) -> dict[str, Any]:
    """How far the pull came, as its watermark says."""
    assert chunks[-1].watermark is not None
    return json.loads(chunks[-1].watermark)


def later(days: float) -> tuple[datetime, Timing]:
    """A moment after NOW, and a clock that stands there."""
    moment = NOW + timedelta(days=days)
    return moment, Timing(now=lambda: moment, sleep=lambda _: None, chance=lambda: 0.5)
