"""The picture of a draft: a file, an address, or base64."""

import re
import stat
from pathlib import Path

from vkflow.errors import DraftError
from vkflow.images.decoding import MAX_BYTES, decode_base64
from vkflow.printing import printable
from vkflow.sources.downloads import PictureDownloader
from vkflow.translation import English

ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
DATA = re.compile(r"^data:(?:[^,]*,)?", re.IGNORECASE)
LONGEST_PATH = 4_096
SHOWN_CHARACTERS = 100


def read_picture(entry: str, downloader: PictureDownloader, *, files: bool = True) -> bytes | None:
    """The bytes of a picture; whether they are one, :func:`vkflow.drafts.draft.check_draft` says.

    Args:
        entry: path of a file, https address on an allowed host, or base64, also as a data URL;
            empty: no picture.
        downloader: what addresses are opened with.
        files: whether a path is meant where it may be one; a form filled in far from this
            machine must not read its files.

    Raises:
        DraftError: there is no such file, it cannot be downloaded, or it is no base64.
    """
    entry = entry.strip()
    if not entry:
        return None
    if ADDRESS.match(entry):
        (found,) = downloader.download([entry])
        if found.problem:
            problem = English(found.problem)
            raise DraftError("picture_address", entry=_shown_address(entry), problem=problem)
        return found.content
    if files and not DATA.match(entry) and _is_file(entry):
        return _read_file(Path(entry))
    decoded = decode_base64(entry)
    if decoded.error or not decoded.content:
        key = "picture_entry" if files and not DATA.match(entry) else "picture_base64"
        raise DraftError(key, entry=_shown(DATA.sub("", entry)))
    return decoded.content


def _is_file(entry: str) -> bool:
    try:
        return len(entry) <= LONGEST_PATH and Path(entry).exists()
    except (OSError, ValueError):
        return False


def _read_file(path: Path) -> bytes:
    """A pipe would wait for ever, a device never end."""
    shown = _shown(str(path))
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise DraftError("picture_no_file", path=shown)
        if found.st_size > MAX_BYTES:
            raise DraftError("picture_large", path=shown, most=MAX_BYTES // 10**6)
        return path.read_bytes()
    except OSError as error:
        raise DraftError("picture_unread", path=shown, problem=error.strerror) from None


def _shown(entry: str) -> str:
    beginning = " ".join(printable(entry[:SHOWN_CHARACTERS]).split())
    return beginning + ("…" if len(entry) > SHOWN_CHARACTERS else "")


def _shown_address(entry: str) -> str:
    """Without user and parameters, which may be secret."""
    return _shown(re.sub(r"//[^/@]*@", "//", re.split(r"[?#]", entry)[0]))
