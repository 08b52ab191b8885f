"""Pages on disk: each appears whole or not at all."""

import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

from vkflow.drafts.forecast_report import ForecastReport
from vkflow.drafts.page import render_page
from vkflow.drafts.words import draft_language
from vkflow.settings import Settings

DIGITS = 8


def write_page(file: Path, page: str) -> None:
    """Write a page in place of what was there, in a folder that is made if need be.

    Raises:
        OSError: it cannot be written, or is a device, a pipe or the like, which it would replace.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        if file.exists() and not file.is_file():
            raise OSError(errno.EINVAL, "it is no file, but a folder, a device or the like")
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(page, encoding="utf-8")
        draft.replace(file)
    except OSError as error:  # of the page, whatever the draft of it is called
        raise OSError(error.errno, f"cannot be written: {error.strerror}", str(file)) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def address_of(settings: Settings, file: Path) -> str:
    """Where Prefect's server shows a report, from whichever address it is reached by."""
    return f"/reports/{file.relative_to(settings.reports_directory).as_posix()}"


def write_drafts_page(settings: Settings, report: ForecastReport, file: Path | None) -> Path:
    """The page of forecasts of drafts, in the language of the report.

    Args:
        settings: of the home.
        report: what it shows.
        file: where to; ``None``: ``reports/drafts/<moment>-<digest of the page>.html``: others may
            ask in the same second, and each is to see its own answer.

    Returns:
        The file.

    Raises:
        OSError: it cannot be written.
    """
    page = render_page(report, draft_language(settings.report.language))
    if file is None:
        digest = hashlib.sha256(page.encode()).hexdigest()[:DIGITS]
        local = report.forecasts[0].as_of.astimezone(ZoneInfo(settings.training.time_zone))
        file = settings.reports_directory / "drafts" / f"{local:%Y-%m-%d-%H%M%S}-{digest}.html"
    write_page(file, page)
    return file
