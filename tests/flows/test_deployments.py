"""deployments/prefect.yaml against a real server: it deploys, it is scheduled, its form holds."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.browser.chromium import chromium, find_chromium

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text(encoding="utf-8"))[
    "deployments"
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A real Prefect server on loopback, with its scheduler, and everything deployed to it."""
    home = tmp_path_factory.mktemp("prefect")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")},
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
    }
    command = [sys.executable, "-m", "prefect"]
    server = subprocess.Popen(
        [*command, "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        client = httpx.Client(base_url=url, timeout=30)
        wait_for(lambda: client.get("/health").status_code == 200, seconds=180)
        for arguments in (
            [
                *("work-pool", "create", "vkflow", "--type", "process"),
                *("--base-job-template", "deployments/base_job_template.json"),
            ],
            ["deploy", "--all", "--no-prompt", "--prefect-file", "deployments/prefect.yaml"],
        ):
            subprocess.run(
                [*command, *arguments], env=environment, cwd=ROOT, check=True, timeout=180
            )
        yield client
    finally:
        server.terminate()
        server.wait(timeout=60)


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)


def deployment(api: httpx.Client, name: str) -> dict:
    return api.get(f"/deployments/name/{name}/{name}").raise_for_status().json()


@pytest.mark.parametrize("name", [entry["name"] for entry in DEPLOYMENTS])
def test_every_deployment_has_what_a_person_needs(api: httpx.Client, name: str) -> None:
    deployed = deployment(api, name)
    assert deployed["description"] and deployed["tags"]
    assert deployed["enforce_parameter_schema"]
    assert deployed["work_pool_name"] == "vkflow"


def test_nothing_deployed_names_a_place_of_this_machine() -> None:
    text = (ROOT / "deployments" / "prefect.yaml").read_text(encoding="utf-8")
    assert str(ROOT) not in text and "/home/" not in text and "/root" not in text


def test_nightly_gets_scheduled_runs_at_half_past_two_in_moscow(api: httpx.Client) -> None:
    nightly = deployment(api, "nightly")
    query = {"deployments": {"id": {"any_": [nightly["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"}

    def runs() -> list[dict]:
        return api.post("/flow_runs/filter", json=query).raise_for_status().json()

    wait_for(lambda: len(runs()) >= 2, seconds=90)
    assert {run["state"]["type"] for run in runs()} == {"SCHEDULED"}
    assert {run["expected_start_time"][10:19] for run in runs()} == {"T23:30:00"}


def test_a_second_night_at_once_is_cancelled_as_new(api: httpx.Client) -> None:
    nightly = deployment(api, "nightly")
    assert nightly["global_concurrency_limit"]["limit"] == 1
    assert nightly["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"


def test_form_lists_the_sources_and_takes_a_date(api: httpx.Client) -> None:
    schema = deployment(api, "nightly")["parameter_openapi_schema"]
    options = schema["definitions"]["RunOptions"]["properties"]
    assert {"sample", "dataset"} <= set(str(options["source"]).replace("'", " ").split())
    assert "date-time" in str(options["as_of"])
    assert all(field.get("title") and field.get("description") for field in options.values())


@pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed")
def test_form_in_a_browser_has_titles_help_and_choices(api: httpx.Client) -> None:
    server = str(api.base_url).removesuffix("/api/")
    with chromium() as page:
        page.open(f"{server}/deployments/deployment/{deployment(api, 'nightly')['id']}/run")
        page.wait_for_text("Where posts come from.")
        text = page.evaluate("document.body.innerText")
        assert all(word in text for word in ("Source", "File", "As of", "knowing nothing later"))
        assert page.evaluate("document.querySelectorAll('option').length") == 5
        page.choose("dataset")


@pytest.mark.parametrize("options", [{"source": "facebook"}, {"path": 5}, {"unknown": 1}])
def test_wrong_values_are_refused_before_anything_runs(api: httpx.Client, options: dict) -> None:
    nightly = deployment(api, "nightly")
    answer = api.post(
        f"/deployments/{nightly['id']}/create_flow_run", json={"parameters": {"options": options}}
    )
    assert answer.status_code == 409, answer.text


def test_defaults_work(api: httpx.Client) -> None:
    nightly = deployment(api, "publish")
    answer = api.post(f"/deployments/{nightly['id']}/create_flow_run", json={})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "variables",
    [
        {"command": "touch /tmp/vkflow-was-here"},
        {"env": {"PYTHONPATH": "/tmp"}},
        {"env.PYTHONPATH": "/tmp"},
        {"working_dir": "/tmp"},
        {"image": "evil"},
    ],
    ids=str,
)
def test_run_cannot_say_what_the_worker_executes(api: httpx.Client, variables: dict) -> None:
    path = f"/deployments/{deployment(api, 'publish')['id']}/create_flow_run"
    answer = api.post(path, json={"job_variables": variables})
    assert answer.status_code == 422, answer.text
