"""Which files a path names, and what is in them."""

import glob
import gzip
import stat
import zlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vkflow.errors import SourceError
from vkflow.printing import printable

Kind = Literal["csv", "gzip", "parquet"]

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".tsv", ".tsv.gz")
SHOWN_NAMES = 5
SHOWN_CHARACTERS = 200
PARQUET, GZIP, ZIP = b"PAR1", b"\x1f\x8b", b"PK\x03\x04"
BLOCK_BYTES = 2**20


@dataclass(frozen=True)
class Found:
    """What a path names.

    Attributes:
        files: to be read, by name.
        unreadable: what looks like a file of posts and is none, and why.
        skipped: names in a folder that do not look like one.
        is_one: whether the path is a single file, whose faults are the path's.
    """

    files: tuple[Path, ...]
    unreadable: tuple[tuple[Path, str], ...] = ()
    skipped: tuple[str, ...] = ()
    is_one: bool = False


def find_files(path: str) -> Found:
    """The files of a path: itself, all of a folder, or all a pattern matches, by name.

    Raises:
        SourceError: there is none.
    """
    place = Path(path)
    try:
        place.exists()
    except OSError as error:  # the name is too long, or a folder above it is closed
        shown = path[:SHOWN_CHARACTERS] + ("…" if len(path) > SHOWN_CHARACTERS else "")
        raise SourceError(f"{shown} cannot be read: {error.strerror}") from None
    if place.is_file():
        return Found((place,), is_one=True)
    if place.is_dir():
        found = _sorted_out(_entries(place))
        if not found.files and not found.unreadable:
            raise SourceError(
                f"there is no file in {path} ending in {', '.join(SUFFIXES)}{_but(found.skipped)}"
            )
        return found
    if place.exists():
        raise SourceError(f"{path} is {_problem(place)}; give a file, a folder or a pattern")
    # pathlib's own glob refuses absolute patterns.
    found = _sorted_out([Path(name) for name in glob.glob(path, recursive=True)])  # noqa: PTH207
    if not found.files and not found.unreadable:
        raise SourceError(f"there is no file {path}{_but(found.skipped)}")
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise SourceError(f"{folder} cannot be read: {error.strerror}") from None


def _sorted_out(places: Sequence[Path]) -> Found:
    files, unreadable, skipped = [], [], []
    for place in sorted(places):
        if not place.name.lower().endswith(SUFFIXES):
            skipped.append(f"{place.name}/" if place.is_dir() else place.name)
        elif problem := _problem(place):
            unreadable.append((place, problem))
        else:
            files.append(place)
    return Found(tuple(files), tuple(unreadable), tuple(skipped))


def _problem(place: Path) -> str | None:
    """Why something cannot be read as a file, without opening it: a pipe would wait for ever."""
    try:
        mode = place.stat().st_mode
    except OSError as error:
        is_link = place.is_symlink()
        return f"a link to nowhere ({error.strerror})" if is_link else f"lost ({error.strerror})"
    if stat.S_ISDIR(mode):
        return "a folder"
    return None if stat.S_ISREG(mode) else "no regular file, but a pipe, a socket or a device"


def _but(skipped: Sequence[str]) -> str:
    return f"; there is {shown_names(skipped)}" if skipped else ""


def shown_names(names: Sequence[str]) -> str:
    """Some names, in one line, of a folder that may have many."""
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return printable(", ".join(names[:SHOWN_NAMES]) + more)


def kind_of(file: Path) -> Kind:
    """What a file is, by its content.

    Raises:
        SourceError: it cannot be opened, is empty, or is known to be something else.
    """
    try:
        with file.open("rb") as opened:
            beginning = opened.read(4)
    except OSError as error:
        raise SourceError(f"{file} cannot be opened: {error.strerror}") from None
    if not beginning:
        raise SourceError(f"{file} is empty")
    if beginning == ZIP:
        raise SourceError(f"{file} is a ZIP archive; unpack it, or compress it with gzip")
    if beginning == PARQUET or file.suffix.lower() == ".parquet":
        return "parquet"
    return "gzip" if beginning.startswith(GZIP) else "csv"


def read_blocks(file: Path, kind: Kind) -> Generator[bytes]:
    """The bytes of a file, unzipped if need be, a MiB at a time.

    Raises:
        SourceError: the file is damaged, or the disk is.
    """
    try:
        with gzip.open(file) if kind == "gzip" else file.open("rb") as opened:
            while block := opened.read(BLOCK_BYTES):
                yield block
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{file} is damaged or cut short: {error}") from None
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or error}") from None
