"""What drafts are read by, as people give them: their owners, and where pictures come from."""

from datetime import datetime

import duckdb

from tasks.step import warehouse_of
from vkflow.drafts.intake import Intake
from vkflow.drafts.owners import KnownOwner
from vkflow.settings import Settings
from vkflow.sources.downloads import PictureDownloader
from warehouse.drafts import read_known_owners


def known_owners(settings: Settings, as_of: datetime) -> list[KnownOwner]:
    """Owners with posts, those with the most first."""
    with warehouse_of(settings, as_of) as connection:
        return owners_of(connection)


def owners_of(connection: duckdb.DuckDBPyConnection) -> list[KnownOwner]:
    """Owners with posts in an open warehouse, those with the most first."""
    return [KnownOwner(*row) for row in read_known_owners(connection).iter_rows()]


def intake_of(settings: Settings, as_of: datetime, *, reads_files: bool = True) -> Intake:
    """What drafts are read by; pictures come from the hosts those of posts may come from."""
    training = settings.training
    return Intake(
        known_owners(settings, as_of),
        training.time_zone,
        training.owner_time_zones,
        as_of,
        PictureDownloader(settings.vk.picture_hosts),
        reads_files,
    )
