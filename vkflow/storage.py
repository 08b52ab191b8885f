"""Files below a folder of this machine, or below a URL that fsspec understands."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from vkflow.errors import SettingsError, TransientError


class StorageError(TransientError):
    """Storage beyond this machine does not answer, or refuses."""


class ReadableFile(Protocol):
    """A file, wherever it lies: a path is one."""

    def read_bytes(self) -> bytes:
        """All of it."""


@dataclass(frozen=True)
class Storage:
    """A place of files with names such as ``ab/cd.jpg``; each appears whole.

    What goes wrong on this machine is an ``OSError``, elsewhere a :class:`StorageError`; a file
    that is not there is a ``FileNotFoundError`` everywhere.

    Attributes:
        url: a folder, or a URL such as ``s3://bucket/media``.
        setting: that says so, for messages.
    """

    url: str
    setting: str

    @cached_property
    def folder(self) -> Path | None:
        """Where it is on this machine; ``None``: elsewhere."""
        if "://" not in self.url:
            return Path(self.url)
        from fsspec.implementations.local import LocalFileSystem

        files, root = self._place
        return Path(root) if isinstance(files, LocalFileSystem) else None

    def check(self) -> None:
        """See whether it can be read at all; an empty one can.

        Raises:
            SettingsError: it cannot: no such bucket, no access, a package is missing.
        """
        self.entries()
        if self.folder is not None:
            return
        files, root = self._place
        container = root.strip("/").partition("/")[0]
        if not (files.exists(root) or files.exists(container)):
            raise SettingsError(
                f"setting {self.setting}: {self.url} cannot be read: there is no {container}"
            )

    def entries(self) -> list[str]:
        """Names of what lies there itself, folders included, in order.

        Raises:
            SettingsError: it cannot be reached.
        """
        try:
            if self.folder is not None:
                there = self.folder.iterdir() if self.folder.exists() else ()
                return sorted(path.name for path in there)
            files, root = self._place
            files.invalidate_cache()
            found = files.ls(root, detail=False) if files.exists(root) else []
        except SettingsError:
            raise
        except Exception as error:  # every file system has errors of its own
            raise SettingsError(
                f"setting {self.setting}: {self.url} cannot be read ({_reason(error)}); see that "
                f"it exists and that this machine may read and write it"
            ) from None
        return sorted(str(path).rpartition("/")[2] for path in found)

    def names(self) -> list[str]:
        """Names of all files, however deep, drafts included, in order."""
        if self.folder is not None:
            places = [(Path(place), files) for place, _, files in os.walk(self.folder)]
            return sorted(
                (place / file).relative_to(self.folder).as_posix()
                for place, files in places
                for file in files
            )
        files, root = self._place
        files.invalidate_cache()
        with self._faults_told():
            found = [str(path) for path in files.find(root)]
        # Of an empty folder some object stores tell the folder itself.
        below = f"{root}/"
        return sorted(path.removeprefix(below) for path in found if path.startswith(below))

    def file(self, name: str) -> ReadableFile:
        """A file to be read later, perhaps; nothing is opened yet."""
        return _StoredFile(self, name) if self.folder is None else self.folder / name

    def read(self, name: str) -> bytes:
        """The content of a file."""
        if self.folder is not None:
            return (self.folder / name).read_bytes()
        files, root = self._place
        with self._faults_told():
            return bytes(files.cat_file(f"{root}/{name}"))

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        if self.folder is not None:
            return (self.folder / name).exists()
        files, root = self._place
        files.invalidate_cache()
        with self._faults_told():
            return bool(files.exists(f"{root}/{name}"))

    def write(self, name: str, content: bytes) -> None:
        """Put a file there, or another one in its place.

        A rename makes it appear whole; an object store does so by itself.
        """
        if self.folder is not None:
            _write_atomically(self.folder / name, content)
            return
        files, root = self._place
        with self._faults_told(is_written=True):
            files.pipe_file(f"{root}/{name}", content)

    def remove(self, names: Sequence[str]) -> None:
        """Remove files; those that are gone already are none's concern."""
        if self.folder is not None:
            for name in names:
                (self.folder / name).unlink(missing_ok=True)
        elif names:
            files, root = self._place
            with self._faults_told(), suppress(FileNotFoundError):
                files.rm([f"{root}/{name}" for name in names])

    def describe(self, name: str) -> tuple[int, datetime]:
        """Bytes of a file, and when it was written, UTC."""
        if self.folder is not None:
            status = (self.folder / name).stat()
            return status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)
        files, root = self._place
        with self._faults_told():
            modified = files.modified(f"{root}/{name}")
            return int(files.size(f"{root}/{name}")), _in_utc(modified)

    @cached_property
    def _place(self) -> tuple[Any, str]:
        """The file system, and the path in it."""
        import fsspec

        try:
            files, root = fsspec.core.url_to_fs(self.url)
        except ImportError as error:
            raise SettingsError(
                f"setting {self.setting}: {self.url} needs a package that is not installed "
                f"({error}); for s3:// it is in `pip install 'vkflow[s3]'`"
            ) from None
        except ValueError as error:
            raise SettingsError(
                f"setting {self.setting}: {error}; give a folder, or a URL"
            ) from None
        return files, root

    @contextmanager
    def _faults_told(self, *, is_written: bool = False) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # as above
            if isinstance(error, FileNotFoundError) and not is_written:  # else it is the bucket
                raise
            raise StorageError(
                f"{self.url} (setting {self.setting}) does not do what it is asked for: "
                f"{_reason(error)}"
            ) from error


@dataclass(frozen=True)
class _StoredFile:
    storage: Storage
    name: str

    def read_bytes(self) -> bytes:
        return self.storage.read(self.name)

    def __str__(self) -> str:
        return f"{self.storage.url}/{self.name}"


def _write_atomically(path: Path, content: bytes) -> None:
    # Workers may write the same file at the same time, each a draft of its own.
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
