"""Prefect's server for one run started by hand, where no other is configured.

Prefect would start one itself: without authentication, and left alone when the run is killed.
"""

import atexit
import os
import subprocess
import time
from dataclasses import dataclass

from flows.parent import start_bound
from vkflow.errors import TerminalError

START_SECONDS = 180.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Starting:
    """A server on its way; what a run needs meanwhile can be imported."""

    process: "subprocess.Popen[bytes]"
    url: str

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            TerminalError: it did not start.
        """
        import httpx

        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/api/health", timeout=5, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise TerminalError("Prefect's temporary server did not start; what it said stands above")


def start_temporary_server() -> Starting | None:
    """Start one, and let Prefect use it; ``None`` if Prefect has a server already.

    Call :func:`flows.environment.prepare_prefect` first.
    """
    from prefect.context import refresh_global_settings_context
    from prefect.settings import PREFECT_API_URL

    if PREFECT_API_URL.value():
        return None
    process = start_bound(
        "flows.prefect_server", ["--port", "0", "--temporary", "--bound"], subprocess.PIPE, None
    )
    atexit.register(_stop, process)
    line = process.stdout.readline() if process.stdout else b""
    if not line.strip():
        raise TerminalError("Prefect's temporary server did not start; what it said stands above")
    url = f"http://127.0.0.1:{int(line)}"
    os.environ["PREFECT_API_URL"] = f"{url}/api"
    refresh_global_settings_context()
    return Starting(process, url)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
