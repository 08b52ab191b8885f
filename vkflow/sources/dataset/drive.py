"""Files shared on Google Drive, through gdown."""

from collections.abc import Callable
from pathlib import Path

from vkflow.errors import SourceError, TransientError

DRIVE = "gdrive:"
RETRIES = 5
TIMEOUT_SECONDS = 30


def download_from_drive(
    file_id: str, file: Path, report: Callable[[int, int | None], None]
) -> None:
    """Download a file everybody with the link may read; an earlier part of it is continued.

    Args:
        file_id: as in its link.
        file: where to put it.
        report: is told the bytes that came and all there are.

    Raises:
        SourceError: there is no such file, or not everybody may read it.
        TransientError: the connection breaks again and again.
    """
    import gdown
    import requests
    from gdown.exceptions import DownloadError, FileURLRetrievalError

    try:
        gdown.download(
            id=file_id,
            output=str(file),
            quiet=True,
            resume=True,
            use_cookies=False,  # they would lie outside of the home
            progress=report,
            retries=RETRIES,
            timeout=TIMEOUT_SECONDS,
        )
    except (FileURLRetrievalError, requests.exceptions.HTTPError) as error:
        raise SourceError(
            f"{DRIVE}{file_id} cannot be downloaded: there is no such file, not everybody with "
            f"the link may read it, or too many did today ({type(error).__name__})"
        ) from None
    except (DownloadError, requests.exceptions.RequestException) as error:
        raise TransientError(
            f"{DRIVE}{file_id} breaks off again and again ({type(error).__name__}); what came is "
            f"kept, the next run goes on from there"
        ) from None
