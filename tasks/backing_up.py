"""Keep copies of the warehouse, for the day it is damaged."""

from datetime import UTC, datetime

from tasks.step import catalog_of, run_logger, step, warehouse_of
from vkflow.settings import Settings
from warehouse.catalogs import back_up


@step("back up warehouse")
def back_up_warehouse(settings: Settings) -> str | None:
    """Copy the warehouse; returns the copy's name, ``None`` where backups are switched off."""
    if settings.warehouse.backups == 0:
        return None
    with warehouse_of(settings) as connection:
        copy = back_up(
            connection,
            catalog_of(settings),
            settings.backups_directory,
            datetime.now(UTC),
            settings.warehouse.backups,
        )
    run_logger().info("backed up to %s", copy)
    return copy.name
