"""A PostgreSQL server of the machine's own binaries, in a temporary folder."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

PASSWORD = "s3cret:p@ss/word"
QUOTED_PASSWORD = "s3cret%3Ap%40ss%2Fword"
START_SECONDS = 60


@dataclass(frozen=True)
class Postgres:
    """A running server on loopback, with an owner and somebody who may only read."""

    port: int
    folder: Path
    binaries: Path
    server_user: str | None

    def url(self, user: str = "owner", database: str = "posts") -> str:
        return f"postgresql://{user}:{QUOTED_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url(), autocommit=True)

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs, never as root: they refuse that."""
        command = [str(self.binaries / program), *arguments]
        if self.server_user:
            command = ["runuser", "-u", self.server_user, "--", *command]
        subprocess.run(command, check=True, capture_output=True, timeout=120, cwd="/")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k '' -c fsync=off"
        log = str(self.folder / "log")
        self.run(
            "pg_ctl", "-D", str(self.folder / "data"), "-o", options, "-l", log, "-w",
            "-t", str(START_SECONDS), "start",
        )  # fmt: skip


def why_not() -> str | None:
    """What is missing to start a server; ``None``: nothing."""
    if find_binaries() is None:
        return "PostgreSQL's initdb and postgres are not installed on this machine"
    if os.geteuid() == 0 and (server_user() is None or not shutil.which("runuser")):
        return "PostgreSQL refuses to run as root, and there is no other user to run it as"
    return None


def find_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: p.parts[-3])
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def server_user() -> str | None:
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    return None


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server of its own; stop and delete it on leaving."""
    user = server_user() if os.geteuid() == 0 else None
    # Not pytest's folder: only its owner may enter that.
    folder = Path(tempfile.mkdtemp(prefix="vkflow-postgres-"))
    try:
        if user:
            shutil.chown(folder, user)
        server = Postgres(_free_port(), folder, find_binaries() or Path(), user)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        server.run(
            "initdb", "-D", str(folder / "data"), "-U", "owner", "-A", "scram-sha-256",
            "--pwfile", str(password), "-E", "UTF8", "--locale", "C", "-N",
        )  # fmt: skip
        server.start()
        try:
            _fill(server)
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(server: Postgres) -> None:
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE posts")
        connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
