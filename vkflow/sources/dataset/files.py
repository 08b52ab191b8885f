"""Which files a path names, and what is in them."""

import glob
import gzip
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Literal

from vkflow.errors import SourceError

Kind = Literal["csv", "gzip", "parquet"]

SUFFIXES = (".csv", ".csv.gz", ".parquet")
PARQUET, GZIP, ZIP = b"PAR1", b"\x1f\x8b", b"PK\x03\x04"
BLOCK_BYTES = 2**20


def find_files(path: str) -> list[Path]:
    """The files of a path: itself, all of a folder, or all a pattern matches, by name.

    Raises:
        SourceError: there is none.
    """
    place = Path(path)
    if place.is_file():
        return [place]
    if place.is_dir():
        files = sorted(file for file in place.iterdir() if file.name.endswith(SUFFIXES))
        if not files:
            raise SourceError(f"there is no file in {path} ending in {', '.join(SUFFIXES)}")
        return files
    # pathlib's own glob refuses absolute patterns.
    files = sorted(Path(name) for name in glob.glob(path, recursive=True))  # noqa: PTH207
    files = [file for file in files if file.is_file()]
    if not files:
        raise SourceError(f"there is no file {path}")
    return files


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
    if beginning == PARQUET or file.suffix == ".parquet":
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
