"""Whether a run may begin: room on the disk, and a clock that has not gone backwards."""

import shutil
from datetime import UTC, datetime, timedelta

import duckdb

from vkflow.errors import NotReadyError
from vkflow.settings import Settings
from warehouse.runs import newest_start

GIBIBYTE = 2**30
CLOCK_TOLERANCE = timedelta(hours=1)


def check_room(settings: Settings) -> None:
    """A run that fills the disk halfway helps nobody.

    Raises:
        NotReadyError: less is free than ``warehouse.least_free_gib``.
    """
    free = shutil.disk_usage(settings.home).free / GIBIBYTE
    least = settings.warehouse.least_free_gib
    if free < least:
        raise NotReadyError(
            f"only {free:.1f} GiB are free in {settings.home.absolute()}, {least:g} are needed "
            f"(warehouse.least_free_gib): make room, for instance with `vkflow maintenance --apply`"
        )


def check_clock(connection: duckdb.DuckDBPyConnection, now: datetime | None = None) -> None:
    """Counts observed at a wrong time would be believed for ever.

    Raises:
        NotReadyError: an earlier run began later than now.
    """
    newest, now = newest_start(connection), now or datetime.now(UTC)
    if newest is not None and newest > now + CLOCK_TOLERANCE:
        raise NotReadyError(
            f"the clock says {now:%Y-%m-%d %H:%M} UTC, but a run began at "
            f"{newest:%Y-%m-%d %H:%M} UTC: set the clock right. If it was wrong then, go back to "
            f"a backup from before with `vkflow restore`"
        )
