"""``vkflow serve``: Prefect's server, every deployment, the automations and a worker."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import httpx

from flows.authentication import FILE, PRIVATE_FILE, auth_string, private_folder
from flows.environment import prepare_prefect
from flows.parent import start_bound
from vkflow.errors import SettingsError, TerminalError
from vkflow.settings import Settings

POOL = "vkflow"
DEPLOYMENTS = Path("deployments") / "prefect.yaml"
AUTOMATIONS = Path("deployments") / "automations.yaml"
JOB_TEMPLATE = Path("deployments") / "base_job_template.json"
START_SECONDS = 180.0
STOP_SECONDS = 30.0
HEARTBEAT_SECONDS = 30
RUNS_AT_ONCE = 4
"""Each is a process with its models; others wait for their turn."""

WORKER = ["worker", "start", "--pool", POOL, "--limit", str(RUNS_AT_ONCE)]


def serve(settings: Settings, port: int, tell: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; then stop everything that was started.

    Args:
        settings: whose home keeps Prefect's database and logs.
        port: of the server, on this machine only.
        tell: called with lines for people.

    Raises:
        SettingsError: this is not the folder of the repository.
        TerminalError: it is served already, the port is taken, or a part did not start.
    """
    if not DEPLOYMENTS.is_file():
        raise SettingsError(
            f"{DEPLOYMENTS} is not here: run `vkflow serve` in the folder of the repository"
        )
    url = f"http://127.0.0.1:{port}"
    folder, is_new = _prepared(settings, url)
    with _only_one(folder, url), _stopped_by_signals(), ExitStack() as stack:
        _refuse_taken_port(url)
        tell(f"Starting Prefect's server; its log is {folder / 'server.log'}")
        arguments = ["--port", str(port), "--bound"]
        server = stack.enter_context(
            _running("flows.prefect_server", arguments, folder / "server.log")
        )
        _wait_until_healthy(f"{url}/api/health", server, folder / "server.log")
        _deploy(folder / "deploy.log")
        worker = stack.enter_context(_running("flows.bound_prefect", WORKER, folder / "worker.log"))
        tell(f"The worker's log is {folder / 'worker.log'}")
        tell(_how_to_sign_in(folder, is_new))
        tell(f"Open {url} in a browser: Deployments, nightly, Run. Ctrl-C stops everything.")
        _watch({"server": server, "worker": worker}, folder)


def _prepared(settings: Settings, url: str) -> tuple[Path, bool]:
    """Tell Prefect where its server is and who may use it; whether the password is new."""
    os.environ |= {
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
        "VKFLOW_HOME": str(settings.home.resolve()),
    }
    for name in ("PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"):
        os.environ.pop(name, None)  # of another server
    _, is_new = auth_string(private_folder(settings.home))
    return prepare_prefect(settings.home), is_new


def _how_to_sign_in(folder: Path, is_new: bool) -> str:
    known, _ = auth_string(folder)
    if not is_new:
        return f"To sign in, enter the line of {folder / FILE}"
    user, _, password = known.partition(":")
    return (
        f"To sign in, enter {known} (user {user}, password {password}).\n"
        f"This is said only once; it is kept in {folder / FILE}, for you alone to read."
    )


@contextmanager
def _only_one(folder: Path, url: str) -> Iterator[None]:
    """The system frees the lock of a process that dies, however it dies."""
    with (folder / "serve.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise TerminalError(f"it is served already: {file.read().strip()}") from None
        file.truncate(0)
        file.write(f"{url}, process {os.getpid()}\n")
        file.flush()
        yield


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """A service manager sends SIGTERM, a person Ctrl-C: both end the serving in the same way.

    More of them while it stops, as from an impatient person, would leave a part running.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refuse_taken_port(url: str) -> None:
    try:
        httpx.get(url, timeout=5, trust_env=False)
    except httpx.TransportError:
        return
    raise TerminalError(f"something else answers at {url}; choose another port with --port")


@contextmanager
def _running(module: str, arguments: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A part of Prefect in the background, which ends with this process however it ends."""
    log.touch(PRIVATE_FILE)
    with log.open("ab") as output:
        process = start_bound(module, arguments, output, subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(url, timeout=5, trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise TerminalError(f"Prefect's server did not start; see {log}")


def _deploy(log: Path) -> None:
    commands = (
        [
            *("work-pool", "create", POOL, "--type", "process", "--overwrite"),
            *("--base-job-template", str(JOB_TEMPLATE)),
        ],
        ["deploy", "--all", "--no-prompt", "--prefect-file", str(DEPLOYMENTS)],
    )
    for arguments in commands:
        done = subprocess.run(  # noqa: S603 - our own arguments
            [sys.executable, "-m", "prefect", *arguments],
            capture_output=True,
            check=False,
            # Prefect puts it into the deployments: where the worker changes to.
            env={**os.environ, "PWD": str(Path.cwd())},
        )
        log.touch(PRIVATE_FILE)
        log.write_bytes(done.stdout + done.stderr)
        if done.returncode:
            raise TerminalError(f"`prefect {' '.join(arguments)}` failed; see {log}")
    from flows.automations import apply_automations

    apply_automations(AUTOMATIONS)


def _watch(processes: dict[str, subprocess.Popen[bytes]], folder: Path) -> None:
    while True:
        for name, process in processes.items():
            if process.poll() is not None:
                raise TerminalError(f"Prefect's {name} has ended; see {folder / f'{name}.log'}")
        time.sleep(1)
