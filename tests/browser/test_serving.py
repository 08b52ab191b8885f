"""``vkflow serve`` as its users meet it: the form in a browser, an event, a killed run, Ctrl-C."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.browser.chromium import chromium, find_chromium
from tests.browser.serving import (
    NIGHT_SECONDS,
    ROOT,
    SCREENSHOTS,
    VKFLOW,
    Served,
    sign_in,
    wait_for,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]


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
        page.wait_for_text("Что сделала ночь")
        time.sleep(2)
        page.screenshot(SCREENSHOTS / "3-artifacts.png")
        artifact = served.artifact("night", run["id"])
        page.open(f"{served.url}/artifacts/artifact/{artifact}", height=1400)
        page.wait_for_text("Качество")
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
