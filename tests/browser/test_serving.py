"""``vkflow serve`` as its users meet it: the form in a browser, an event, a killed run, Ctrl-C.

Screenshots are kept in ``data/screenshots``, where a person can look at them.
"""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from tests.browser.chromium import Page, chromium, find_chromium

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "data" / "screenshots"
VKFLOW = [sys.executable, "-c", "from flows.command_line import main; main()"]
NIGHT_SECONDS = 600.0

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]


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

    def runs(self) -> list[dict]:
        """Runs of the night that somebody or something started, newest first."""
        query = {"deployments": {"id": {"any_": [self.deployment("nightly")]}}}
        answer = self.api.post("/flow_runs/filter", json=query).raise_for_status()
        started = [run for run in answer.json() if not run["auto_scheduled"]]
        return sorted(started, key=lambda run: run["created"], reverse=True)

    def state(self, run_id: str) -> str:
        return self.api.get(f"/flow_runs/{run_id}").raise_for_status().json()["state"]["name"]

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


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, tiny_encoder_directory: Path
) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "VKFLOW_HOME": str(home),
        "VKFLOW_TRAINING__ITERATIONS": "50",
        "VKFLOW_TEXT__ENCODER": str(tiny_encoder_directory),
        "PYTHONUNBUFFERED": "1",
    }
    subprocess.run(
        [*VKFLOW, "sample", "--posts", "700", "--owners", "15"],
        env=environment, cwd=ROOT, check=True,
    )  # fmt: skip
    process = subprocess.Popen(
        [*VKFLOW, "serve", "--port", str(port)],
        env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        told = next(line for line in process.stdout if line.startswith("To sign in, enter "))
        known = re.fullmatch(r"To sign in, enter (\S+) \(user \w+, password \S+\)\.\n", told)[1]
        line = next(line for line in process.stdout if line.startswith("Open "))
        url = line.split()[1]
        environment["PREFECT_API_AUTH_STRING"] = known
        yield Served(url, signed_in(url, known), process, environment, known)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=90)


def test_person_runs_a_night_from_the_form_and_sees_what_it_did(served: Served) -> None:
    with chromium() as page:
        sign_in(page, served)
        page.open(f"{served.url}/deployments/deployment/{served.deployment('nightly')}")
        page.wait_for_text("every-night")
        time.sleep(2)  # it fades in
        page.screenshot(SCREENSHOTS / "1-deployment.png")
        page.open(
            f"{served.url}/deployments/deployment/{served.deployment('nightly')}/run", height=1400
        )
        page.wait_for_text("Where posts come from")
        page.choose("sample")
        page.screenshot(SCREENSHOTS / "2-form.png")
        page.click("button", "Submit")
        wait_for(lambda: served.runs(), 30)
        run = served.runs()[0]
        assert run["parameters"]["options"]["source"] == "sample"
        wait_for(lambda: served.state(run["id"]) == "Completed", NIGHT_SECONDS)
        page.open(f"{served.url}/runs/flow-run/{run['id']}", height=1400)
        page.click(".p-tabs *", "Artifacts")
        page.wait_for_text("What the night did")
        time.sleep(2)
        page.screenshot(SCREENSHOTS / "3-artifacts.png")
        artifact = served.artifact("night", run["id"])
        page.open(f"{served.url}/artifacts/artifact/{artifact}", height=1400)
        page.wait_for_text("Quality of")
        time.sleep(2)
        page.screenshot(SCREENSHOTS / "4-night.png")


def test_stranger_and_foreign_page_start_nothing(served: Served, tmp_path: Path) -> None:
    path = f"/deployments/{served.deployment('nightly')}/create_flow_run"
    bait = tmp_path / "bait"
    order = {"job_variables": {"command": f"touch {bait}"}}
    stranger = httpx.post(f"{served.url}/api{path}", json=order)
    assert stranger.status_code == 403  # no token against forgery, and no password
    page = served.api.post(path, json=order, headers={"Origin": "https://evil.example"})
    assert page.status_code == 403
    command = served.api.post(path, json=order)
    assert command.status_code == 422 and "command" in command.text
    assert served.runs() == [] or all(not run["job_variables"] for run in served.runs())
    assert not bait.exists()


def test_foreign_page_in_the_browser_of_who_is_signed_in_starts_nothing(served: Served) -> None:
    before = len(served.runs())
    path = f"/deployments/{served.deployment('nightly')}/create_flow_run"
    send = (
        f"fetch('{served.url}/api{path}', {{method: 'POST', headers: {{'Content-Type': "
        "'application/json'}, credentials: 'include', body: '{}'}).then(a => "
        "{ document.title = 'status ' + a.status }, e => { document.title = 'refused' })"
    )
    with chromium() as page:
        sign_in(page, served)
        page.open("data:text/html,<title>evil</title>")
        page.evaluate(f"void ({send})")
        page.wait("document.title === 'refused'")
    assert len(served.runs()) == before


def test_posts_that_arrive_start_a_night(served: Served) -> None:
    before = len(served.runs())
    emit = (
        "from prefect.events import emit_event; import time; "
        "emit_event('vkflow.posts.arrived', {'prefect.resource.id': 'deliverer'}); time.sleep(3)"
    )
    subprocess.run(
        [sys.executable, "-c", emit],
        env={**served.environment, "PREFECT_API_URL": f"{served.url}/api"},
        check=True,
    )
    wait_for(lambda: len(served.runs()) > before, 60)
    wait_for(lambda: served.state(served.runs()[0]["id"]) == "Completed", NIGHT_SECONDS)


def test_served_deployments_are_those_of_the_file(served: Served) -> None:
    answer = served.api.post("/deployments/filter", json={}).raise_for_status()
    names = {deployment["name"] for deployment in answer.json()}
    assert {"nightly", "maintenance", "search"} <= names
    automations = served.api.post("/automations/filter", json={}).raise_for_status().json()
    assert {a["name"] for a in automations} == {"vkflow-crash-silent-runs", "vkflow-posts-arrived"}
    assert json.dumps(automations).count(served.deployment("nightly")) >= 1


def test_serving_twice_says_so_and_ctrl_c_stops_everything(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "VKFLOW_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    process = subprocess.Popen(
        [*VKFLOW, "serve", "--port", port],
        env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    next(line for line in process.stdout if line.startswith("Open "))
    children = psutil.Process(process.pid).children(recursive=True)
    second = subprocess.run(
        [*VKFLOW, "serve"], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert second.returncode == 1
    assert second.stderr.strip() == (
        f"vkflow: it is served already: http://127.0.0.1:{port}, process {process.pid}"
    )
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=90)
    assert rest.endswith("Stopped.\n") and process.returncode == 0
    assert not any(child.is_running() for child in children)


def test_run_that_lost_its_process_and_its_worker_is_crashed_and_the_next_one_works(
    served: Served,
) -> None:
    run = served.start_night()
    wait_for(lambda: served.state(run) == "Running", 120)
    time.sleep(5)
    worker = next(
        child
        for child in psutil.Process(served.process.pid).children()
        if "worker" in child.cmdline()
    )
    family = [worker, *worker.children(recursive=True)]
    assert len(family) > 1
    # Without its worker `vkflow serve` would end: it is held while the worker is away.
    served.process.send_signal(signal.SIGSTOP)
    try:
        for process in family:
            process.kill()
        wait_for(lambda: served.state(run) == "Crashed", 130)
        with subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", "vkflow"],
            env={**served.environment, "PREFECT_API_URL": f"{served.url}/api"},
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as another:  # fmt: skip
            again = served.start_night()
            wait_for(lambda: served.state(again) == "Completed", 300 + NIGHT_SECONDS)
            another.send_signal(signal.SIGINT)
    finally:
        served.process.send_signal(signal.SIGCONT)
