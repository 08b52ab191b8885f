"""Who may use Prefect's server: whoever knows a string that is kept in the home."""

import base64
import fcntl
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vkflow.errors import SettingsError

FILE, GUARD = "auth-string", ".auth-string.guard"
USER = "vkflow"
FIT = re.compile("[ -9;-~]+:[ -~]+")
"""User and password in letters and signs of ASCII: what a person can enter, and a header hold."""

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600


def private_folder(home: Path) -> Path:
    """Prefect's folder of a home, closed to everybody else; made when missing.

    Its database has the Secret blocks and the key they are encrypted with.

    Raises:
        SettingsError: it cannot be made, or belongs to somebody else.
    """
    folder = home / "prefect"
    try:
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)  # Prefect would not make the home above it
        folder.chmod(PRIVATE_FOLDER)
        for file in folder.glob("prefect.db*"):  # of an earlier vkflow, readable by all
            file.chmod(PRIVATE_FILE)
    except (OSError, RuntimeError) as error:  # the latter: a link to itself
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"{folder} cannot be used ({reason}); set VKFLOW_HOME to a folder of your own"
        ) from None
    return folder


def auth_string(folder: Path) -> tuple[str, bool]:
    """User and password of the server, with a colon between them, and whether they are new.

    They are made once, also where two start at once. A file that others could read is no secret
    any more: it is replaced.

    Args:
        folder: of :func:`private_folder`.

    Raises:
        SettingsError: it cannot be read or written, as on a full disk.
    """
    file = folder / FILE
    try:
        with _guard(folder):  # what is replaced is what was found unfit, not what another has made
            known = _known(file)
            if known:
                return known, False
            made = f"{USER}:{secrets.token_urlsafe(24)}"
            _write(file, made)
            return made, True
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be used ({error.strerror}); make room on the disk, or see whose it is"
        ) from None


@contextmanager
def _guard(folder: Path) -> Iterator[None]:
    """Nobody else makes a password in the meantime; the system frees the guard of the dead."""
    descriptor = os.open(folder / GUARD, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, PRIVATE_FILE)
    with os.fdopen(descriptor, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_signed_in(headers: Iterable[tuple[bytes, bytes]], auth_string: str) -> bool:
    """Whether a request has user and password in its header, as browsers and Prefect send them.

    Of two such headers it is the first one that counts, as for Prefect.
    """
    given = next((value for name, value in headers if name == b"authorization"), b"")
    return hmac.compare_digest(given, b"Basic " + base64.b64encode(auth_string.encode()))


def _known(file: Path) -> str | None:
    """What the file says; ``None`` if there is none, others could read it, or it is none."""
    if not file.is_file() or file.is_symlink() or file.stat().st_mode & 0o077:
        return None
    known = file.read_text(encoding="utf-8", errors="replace").strip()
    return known if FIT.fullmatch(known) else None


def _write(file: Path, known: str) -> None:
    """Put it in its place whole, by a rename: not every file system has hard links."""
    draft = file.with_name(f".{FILE}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE), "w") as new:
        new.write(f"{known}\n")
    draft.replace(file)
