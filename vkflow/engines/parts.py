"""Parts of a work list and their results: Parquet files in a folder, or behind a URL."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl

from vkflow.errors import SettingsError

WORK, RESULT, TRIES = ".work.parquet", ".result.parquet", ".tries"
LONGEST_TRIES = 6
"""Digits."""


def part_name(rows: pl.DataFrame, keys: Sequence[str], subject: str) -> str:
    """The name of a part: a hash of what is to be worked on, and for what; 24 hexadecimal digits.

    Args:
        rows: of the work list.
        keys: columns that say what a row is.
        subject: what the results belong to, such as an encoder.
    """
    content = f"{subject}\n{rows.select(keys).write_csv()}"
    return hashlib.sha256(content.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class PartFolder:
    """Where the parts of one kind of work lie.

    Attributes:
        url: a folder, or a URL fsspec understands such as ``s3://bucket/parts``.
    """

    url: str

    def write_work(self, name: str, rows: pl.DataFrame) -> None:
        """Put a part of the work list there."""
        self._write(name + WORK, _as_parquet(rows))

    def read_work(self, name: str) -> pl.DataFrame:
        """The rows of a part."""
        return self._read(name + WORK)

    def write_result(self, name: str, rows: pl.DataFrame) -> None:
        """Put the result of a part there; it appears whole."""
        self._write(name + RESULT, _as_parquet(rows))

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
        files, root = self._place
        files.invalidate_cache()
        try:
            found = files.ls(root, detail=False) if files.exists(root) else []
        except Exception as error:  # every file system has errors of its own
            reason = (str(error).splitlines() or [""])[0]
            raise SettingsError(
                f"setting parts: {self.url} cannot be read ({type(error).__name__}: {reason}); see "
                f"that it exists and that this machine may read and write it"
            ) from None
        names = [str(path).rpartition("/")[2] for path in found]
        work = [name for name in names if name.endswith(WORK) and not name.startswith(".")]
        for name in work:
            self._refuse_odd(name)
        return sorted(name.removesuffix(WORK) for name in work)

    def remove(self, name: str) -> None:
        """Forget a part whose result is stored; the work list goes last: it says what is there."""
        files, root = self._place
        for kind in (TRIES, RESULT, WORK):
            if self._has(name + kind):
                files.rm_file(f"{root}/{name}{kind}")

    def note_try(self, name: str) -> int:
        """Note that a worker begins with a part; returns how many have, this one included.

        It stays when the worker dies, which nobody else could tell.
        """
        files, root = self._place
        noted = files.cat_file(f"{root}/{name}{TRIES}") if self._has(name + TRIES) else b"0"
        # A disk that was full leaves an empty file: somebody had begun.
        before = int(noted) if noted.isdigit() and len(noted) <= LONGEST_TRIES else 1
        self._write(name + TRIES, str(before + 1).encode())
        return before + 1

    def forget_tries(self, name: str) -> None:
        """Note that the worker with this part lives."""
        files, root = self._place
        if self._has(name + TRIES):
            files.rm_file(f"{root}/{name}{TRIES}")

    @cached_property
    def _place(self) -> tuple[Any, str]:
        """The file system, and the path in it."""
        import fsspec

        try:
            files, root = fsspec.core.url_to_fs(self.url)
        except ImportError as error:
            raise SettingsError(
                f"setting parts: {self.url} needs a package that is not installed ({error}); for "
                f"s3:// it is in `pip install 'vkflow[s3]'`"
            ) from None
        except ValueError as error:
            raise SettingsError(f"setting parts: {error}; give a folder, or a URL") from None
        return files, root

    def _refuse_odd(self, file: str) -> None:
        """A link could lead anywhere, and a pipe would be waited for."""
        from fsspec.implementations.local import LocalFileSystem

        files, root = self._place
        path = Path(root, file)
        if not isinstance(files, LocalFileSystem):
            return
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise SettingsError(
                f"{path} is no file that vkflow has made, but a link, a folder or the like: remove "
                f"it, and see who else may write there"
            )

    def _has(self, file: str) -> bool:
        self._refuse_odd(file)
        files, root = self._place
        files.invalidate_cache()
        return bool(files.exists(f"{root}/{file}"))

    def _read(self, file: str) -> pl.DataFrame:
        files, root = self._place
        return pl.read_parquet(io.BytesIO(files.cat_file(f"{root}/{file}")))

    def _write(self, file: str, content: bytes) -> None:
        """A rename makes a file appear whole; an object store does so by itself."""
        from fsspec.implementations.local import LocalFileSystem

        files, root = self._place
        if not isinstance(files, LocalFileSystem):
            files.pipe_file(f"{root}/{file}", content)
            return
        folder = Path(root)
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{file}.{uuid4().hex}"
        try:
            draft.write_bytes(content)
            draft.replace(folder / file)
        finally:
            draft.unlink(missing_ok=True)


def _as_parquet(rows: pl.DataFrame) -> bytes:
    """Vectors do not compress, and parts are read once."""
    file = io.BytesIO()
    rows.write_parquet(file, compression="uncompressed", statistics=False)
    return file.getvalue()
