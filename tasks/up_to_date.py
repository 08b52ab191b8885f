"""Whether a night would find everything as the last one left it.

Without new posts, labels or settings each step would find nothing to do, but only after reading
much: of 100,000 posts for a minute. One digest says the same in a fraction of a second.
"""

import hashlib
import json
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from tasks.drifting import NEWEST_DAYS
from tasks.labelled_posts import RECIPE_VERSION
from tasks.step import warehouse_of
from vkflow.images.checkpoints import LOCAL_PREFIX
from vkflow.settings import Settings
from warehouse.constants import read_constant, write_constant
from warehouse.digests import count_until, digest_tables
from warehouse.models import champion_version
from warehouse.publishing import is_published

UP_TO_DATE = "up_to_date"


def is_up_to_date(settings: Settings, as_of: datetime) -> bool:
    """Whether nothing has changed since the night that called :func:`mark_up_to_date`."""
    with warehouse_of(settings) as connection:
        noted = read_constant(connection, UP_TO_DATE)
    return noted is not None and noted == _digest(settings, as_of)


def current_champion(settings: Settings, as_of: datetime) -> str | None:
    """The bundle whose predictions stand in a night that has nothing to do."""
    with warehouse_of(settings) as connection:
        return champion_version(connection, as_of)


def mark_up_to_date(settings: Settings, as_of: datetime) -> None:
    """Note that a night has done everything there was to do."""
    digest = _digest(settings, as_of)
    with warehouse_of(settings) as connection:
        write_constant(connection, UP_TO_DATE, digest)


def _digest(settings: Settings, as_of: datetime) -> str:
    windows = (settings.training.window_days, settings.scoring.window_days, NEWEST_DAYS)
    borders = [as_of, *(as_of - timedelta(days=days) for days in windows)]
    with warehouse_of(settings) as connection:
        data = (digest_tables(connection), count_until(connection, borders))
    date = f"{as_of.astimezone(ZoneInfo(settings.training.time_zone)):%Y-%m-%d}"
    results = (
        settings.snapshot_file.exists(),
        is_published(settings.snapshot_file),
        (settings.reports_directory / f"{date}.html").exists(),
        sorted(bundle.name for bundle in settings.models_directory.glob("*/")),
    )
    models = (
        settings.hub_directory / settings.text.encoder,  # the offline default
        Path(settings.text.encoder),
        Path(settings.images.tagger.removeprefix(LOCAL_PREFIX)),
    )
    weights = [_files(model) for model in models]
    code = (version("vkflow"), RECIPE_VERSION)
    parts = (
        code,
        settings.model_dump(mode="json", exclude={"home", "hub"}),
        weights,
        data,
        date,
        results,
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Names, sizes and times of the files of a model's folder; none where it has no folder."""
    found = []
    for file in sorted(folder.glob("*")):
        about = file.stat()
        found.append((file.name, about.st_size, about.st_mtime_ns))
    return found
