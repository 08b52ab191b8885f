"""A running ``vkflow serve``, and how a person signs in to it.

Screenshots are kept in ``data/screenshots``, where a person can look at them.
"""

import base64
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.browser.chromium import Page

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "data" / "screenshots"
VKFLOW = [sys.executable, "-c", "from flows.command_line import main; main()"]
NIGHT_SECONDS = 600.0


@dataclass(frozen=True)
class Served:
    """A running ``vkflow serve``."""

    url: str
    api: httpx.Client
    process: subprocess.Popen
    environment: dict[str, str]
    auth_string: str

    def deployment(self, name: str) -> str:
        found = self.api.get(f"/deployments/name/{name}/{name}").raise_for_status()
        return found.json()["id"]

    def runs(self, name: str = "nightly") -> list[dict]:
        """Runs of a deployment that somebody or something started, newest first."""
        query = {"deployments": {"id": {"any_": [self.deployment(name)]}}}
        answer = self.api.post("/flow_runs/filter", json=query).raise_for_status()
        started = [run for run in answer.json() if not run["auto_scheduled"]]
        return sorted(started, key=lambda run: run["created"], reverse=True)

    def state(self, run_id: str) -> str:
        return self.api.get(f"/flow_runs/{run_id}").raise_for_status().json()["state"]["name"]

    def message(self, run_id: str) -> str:
        return self.api.get(f"/flow_runs/{run_id}").raise_for_status().json()["state"]["message"]

    def artifact(self, key: str, run_id: str) -> str:
        query = {"artifacts": {"key": {"any_": [key]}, "flow_run_id": {"any_": [run_id]}}}
        return self.api.post("/artifacts/filter", json=query).raise_for_status().json()[0]["id"]

    def start_night(self) -> str:
        answer = self.api.post(
            f"/deployments/{self.deployment('nightly')}/create_flow_run", json={}
        )
        return answer.raise_for_status().json()["id"]


def signed_in(url: str, auth_string: str) -> httpx.Client:
    """A client that knows the password, and has a token against forged requests."""
    token = base64.b64encode(auth_string.encode()).decode()
    api = httpx.Client(
        base_url=f"{url}/api", timeout=30, headers={"Authorization": f"Basic {token}"}
    )
    forgery = api.get("/csrf-token", params={"client": "tests"}).raise_for_status().json()
    api.headers.update({"Prefect-Csrf-Token": forgery["token"], "Prefect-Csrf-Client": "tests"})
    return api


def sign_in(page: Page, served: Served) -> None:
    """As a person does it who has read what ``vkflow serve`` printed."""
    page.open(served.url)
    page.wait("!!document.querySelector('input')")
    page.screenshot(SCREENSHOTS / "0-sign-in.png")
    page.click("input")
    page.type(served.auth_string)
    page.click("button", "Login")
    page.wait("!location.pathname.includes('login')")


def wait_for(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)
