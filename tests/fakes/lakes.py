"""DuckLakes for tests: each a database of its own on one PostgreSQL server."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg

from tests.fakes.postgres import Postgres
from warehouse.database import open_warehouse
from warehouse.lake.lake import Lake


@dataclass(frozen=True)
class Lakes:
    """Where lakes are made.

    Attributes:
        data: the folder or bucket of all data; copies of the empty lake share theirs.
    """

    postgres: Postgres
    data: str

    def new(self, home: Path) -> Lake:
        """A database without a catalog."""
        name = self._create("template1")
        return Lake(self.postgres.url(database=name), f"{self.data}/{name}", home)

    def empty(self, home: Path) -> Lake:
        """A migrated lake without rows: copied, which is faster than made."""
        template, data = "empty_lake", f"{self.data}/shared"
        if not self._has(template):
            self._run(f"CREATE DATABASE {template}")
            made = Lake(self.postgres.url(database=template), data, home / "empty")
            with open_warehouse(made):
                pass
        return Lake(self.postgres.url(database=self._create(template)), data, home)

    def drop(self, lake: Lake) -> None:
        name = lake.url.rpartition("/")[2]
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _create(self, template: str) -> str:
        name, end = f"lake_{uuid4().hex[:12]}", time.monotonic() + 10
        while time.monotonic() < end:
            # DuckDB's last session with the template may be about to end.
            with suppress(psycopg.errors.ObjectInUse):
                self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
                return name
            time.sleep(0.1)
        raise AssertionError(f"{template} is in use")

    def _has(self, name: str) -> bool:
        with self.postgres.connect() as connection:
            statement = "SELECT 1 FROM pg_database WHERE datname = %s"
            return bool(connection.execute(statement, [name]).fetchall())

    def _run(self, statement: str) -> None:
        with self.postgres.connect() as connection:
            connection.execute(statement)
