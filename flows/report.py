"""Write the morning report: one page with figures, as of a moment."""

import datetime as calendar
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from prefect import flow
from pydantic import Field

from flows.options import RunOptions
from tasks.reporting import write_report
from tasks.run_log import logged_run
from vkflow.errors import SettingsError
from vkflow.settings import Settings
from vkflow.sources.validation import FIRST_DAY


class ReportOptions(RunOptions):
    """Which day to report on."""

    date: calendar.date | None = Field(
        None, title="Date", description="Report as of the end of this day. Empty: as of now."
    )


@flow(name="report", description=__doc__)
def report(options: ReportOptions = ReportOptions()) -> str:  # noqa: B008
    """Write the report; returns the path of its file."""
    settings = options.settings()
    with logged_run(settings, "report") as (_, counts):
        file = write_report(settings, _moment(options, settings))
        counts |= {"file": file.name}
    return str(file)


def _moment(options: ReportOptions, settings: Settings) -> datetime:
    """The end of the day in the owners' time zone, but nothing that has not happened yet."""
    if options.date is None:
        return options.moment()
    if not FIRST_DAY.date() <= options.date < calendar.date.max:
        raise SettingsError(f"there is no report of {options.date}: VK did not exist then")
    zone = ZoneInfo(settings.training.time_zone)
    end = datetime.combine(options.date + timedelta(days=1), time(), zone) - timedelta(seconds=1)
    return min(end.astimezone(UTC), options.moment())
