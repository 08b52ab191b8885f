"""Parts of a work list and their results: Parquet files in a folder, or behind a URL."""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from vkflow.errors import SettingsError
from vkflow.storage import Storage

WORK, RESULT, TRIES = ".work.parquet", ".result.parquet", ".tries"
LONGEST_TRIES = 6
"""Digits."""

PART_FILE = re.compile(
    r"[\w-]+/[0-9a-f]{12}/"
    r"\.?[0-9a-f]{24}(\.work\.parquet|\.result\.parquet|\.tries)(\.[0-9a-f]{32})?"
)
"""Below the folder of all work: step, subject, and the file or a draft of it."""


def part_name(rows: pl.DataFrame, keys: Sequence[str], subject: str) -> str:
    """The name of a part: a hash of what is to be worked on, and for what; 24 hexadecimal digits.

    Args:
        rows: of the work list.
        keys: columns that say what a row is.
        subject: what the results belong to, such as an encoder.
    """
    content = f"{subject}\n{rows.select(keys).write_csv()}"
    return hashlib.sha256(content.encode()).hexdigest()[:24]


def is_of_a_part(name: str) -> bool:
    """Whether a file below the folder of all work, or a draft of one, is part of a part."""
    return PART_FILE.fullmatch(name) is not None


@dataclass(frozen=True)
class PartFolder:
    """Where the parts of one kind of work lie.

    Attributes:
        url: a folder, or a URL fsspec understands such as ``s3://bucket/parts``.
    """

    url: str

    def write_work(self, name: str, rows: pl.DataFrame) -> None:
        """Put a part of the work list there."""
        self._storage.write(name + WORK, _as_parquet(rows))

    def read_work(self, name: str) -> pl.DataFrame:
        """The rows of a part."""
        return self._read(name + WORK)

    def write_result(self, name: str, rows: pl.DataFrame) -> None:
        """Put the result of a part there; it appears whole."""
        self._storage.write(name + RESULT, _as_parquet(rows))

    def read_result(self, name: str) -> pl.DataFrame:
        """The result of a part."""
        return self._read(name + RESULT)

    def has_result(self, name: str) -> bool:
        """Whether a part is done."""
        return self._has(name + RESULT)

    def count_rows(self, name: str) -> int | None:
        """Rows of a part; ``None`` where it, or its result, was damaged when the power failed."""
        try:
            if self.has_result(name):
                self.read_result(name)
            return len(self.read_work(name))
        except pl.exceptions.PolarsError:
            return None

    def names(self) -> list[str]:
        """All parts of the work list that are there, done or not.

        Raises:
            SettingsError: the folder or URL cannot be reached, or what is there is no file.
        """
        entries = self._storage.entries()
        work = [name for name in entries if name.endswith(WORK) and not name.startswith(".")]
        for name in work:
            self._refuse_odd(name)
        return [name.removesuffix(WORK) for name in work]

    def remove(self, name: str) -> None:
        """Forget a part whose result is stored; the work list goes last: it says what is there."""
        for kind in (TRIES, RESULT, WORK):
            if self._has(name + kind):
                self._storage.remove([name + kind])

    def note_try(self, name: str) -> int:
        """Note that a worker begins with a part; returns how many have, this one included.

        It stays when the worker dies, which nobody else could tell.
        """
        noted = self._storage.read(name + TRIES) if self._has(name + TRIES) else b"0"
        # A disk that was full leaves an empty file: somebody had begun.
        before = int(noted) if noted.isdigit() and len(noted) <= LONGEST_TRIES else 1
        self._storage.write(name + TRIES, str(before + 1).encode())
        return before + 1

    def forget_tries(self, name: str) -> None:
        """Note that the worker with this part lives."""
        if self._has(name + TRIES):
            self._storage.remove([name + TRIES])

    @cached_property
    def _storage(self) -> Storage:
        return Storage(self.url, "parts")

    def _refuse_odd(self, file: str) -> None:
        """A link could lead anywhere, and a pipe would be waited for."""
        if self._storage.folder is None:
            return
        path = self._storage.folder / file
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise SettingsError(
                f"{path} is no file that vkflow has made, but a link, a folder or the like: remove "
                f"it, and see who else may write there"
            )

    def _has(self, file: str) -> bool:
        self._refuse_odd(file)
        return self._storage.has(file)

    def _read(self, file: str) -> pl.DataFrame:
        return pl.read_parquet(io.BytesIO(self._storage.read(file)))


def _as_parquet(rows: pl.DataFrame) -> bytes:
    """Vectors do not compress, and parts are read once."""
    file = io.BytesIO()
    rows.write_parquet(file, compression="uncompressed", statistics=False)
    return file.getvalue()
