"""When a draft would be published: from what a person writes, by the owner's clock, to UTC."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from vkflow.drafts.draft import as_utc
from vkflow.errors import DraftError
from vkflow.printing import printable

SHOWN_CHARACTERS = 60


def zone_of(owner_id: int, time_zone: str, owner_time_zones: Mapping[int, str]) -> ZoneInfo:
    """Where an owner lives."""
    return ZoneInfo(owner_time_zones.get(owner_id, time_zone))


def read_moment(entry: str | datetime | None, zone: ZoneInfo, now: datetime) -> datetime:
    """A moment in UTC.

    Args:
        entry: ISO 8601, such as ``2026-11-30 18:00``; with an offset of its own, or else by the
            owner's clock. Nothing: now.
        zone: of the owner.
        now: the moment the forecast stands at, UTC.

    Raises:
        DraftError: it is no time.
    """
    if entry is None or entry == "":
        return now
    moment = _parsed(entry) if isinstance(entry, str) else entry
    return as_utc(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _parsed(entry: str) -> datetime:
    try:
        return datetime.fromisoformat(entry.strip())
    except ValueError:
        raise DraftError("no_time", entry=printable(entry[:SHOWN_CHARACTERS])) from None
