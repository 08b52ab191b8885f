"""Who may use Prefect's server: whoever knows a string that is kept in the home."""

import os
import secrets
from pathlib import Path

from vkflow.errors import SettingsError

FILE = "auth-string"
USER = "vkflow"
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600


def private_folder(home: Path) -> Path:
    """Prefect's folder of a home, closed to everybody else; made when missing.

    Its database has the Secret blocks and the key they are encrypted with.

    Raises:
        SettingsError: it cannot be made, or belongs to somebody else.
    """
    folder = (home / "prefect").resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)  # Prefect would not make the home above it
        folder.chmod(PRIVATE_FOLDER)
        for file in folder.glob("prefect.db*"):  # of an earlier vkflow, readable by all
            file.chmod(PRIVATE_FILE)
    except OSError as error:
        raise SettingsError(
            f"{folder} cannot be used ({error.strerror}); set VKFLOW_HOME to a folder of your own"
        ) from None
    return folder


def auth_string(folder: Path) -> tuple[str, bool]:
    """User and password of the server, with a colon between them, and whether they are new.

    They are made once. A file that others could read is no secret any more: it is replaced.

    Args:
        folder: of :func:`private_folder`.
    """
    file = folder / FILE
    if file.is_file() and not file.is_symlink() and not file.stat().st_mode & 0o077:
        known = file.read_text(encoding="utf-8").strip()
        if known.partition(":")[2]:
            return known, False
    file.unlink(missing_ok=True)
    draft = folder / f".{FILE}.{os.getpid()}"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE), "w") as new:
        new.write(f"{USER}:{secrets.token_urlsafe(24)}\n")
    try:
        os.link(draft, file)  # two that start at once agree on the first one's
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return file.read_text(encoding="utf-8").strip(), True
