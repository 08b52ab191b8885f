"""An editor asks in the browser which of two drafts to publish, and when."""

import json
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import httpx
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
from vkflow.drafts.words import draft_language

FIRST, SECOND = "Кто пойдёт с нами в лес за грибами?", "Просто лес"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def owner(served: Served) -> str:
    """A wall, after a night that trained a champion."""
    night = served.start_night()
    wait_for(lambda: served.state(night) == "Completed", NIGHT_SECONDS)
    home = Path(served.environment["VKFLOW_HOME"])
    with duckdb.connect(str(home / "published" / "predictions.duckdb"), read_only=True) as opened:
        row = opened.execute("SELECT owner_id FROM posts ORDER BY ALL LIMIT 1").fetchone()
    assert row
    return str(row[0])


def test_an_editor_sees_which_draft_to_publish_and_when(served: Served, owner: str) -> None:
    tomorrow = datetime.now(ZoneInfo("Europe/Moscow")) + timedelta(days=1)
    at = f"{tomorrow:%Y-%m-%d} 18:00"
    with chromium() as page:
        sign_in(page, served)
        page.open(f"{served.url}/deployments/deployment/{served.deployment('draft')}/run")
        page.wait_for_text("As it would be published.")
        for title, text in (
            ("Text", FIRST), ("Other text", SECOND), ("Owner", owner), ("Published at", at),
        ):  # fmt: skip
            page.fill(title, text)
        page.switch("When to post")
        page.switch("Page")
        page.screenshot(SCREENSHOTS / "5-draft-form.png")
        page.click("button", "Submit")
        wait_for(lambda: served.runs("draft"), 30)
        (run,) = served.runs("draft")
        asked = run["parameters"]["options"]
        assert (asked["at"], asked["when"], asked["page"]) == (at, True, True)
        wait_for(lambda: served.state(run["id"]) == "Completed", 120)
        for width in (1200, 390):
            artifact = served.artifact("draft", run["id"])
            page.open(f"{served.url}/artifacts/artifact/{artifact}", width, 1400)
            page.wait_for_text("Коротко")
            page.screenshot(SCREENSHOTS / f"6-draft-{width}.png")
        shown = page.evaluate("document.body.innerText").replace("\u00a0", " ")
        for probability in _probabilities(served, owner, at):
            assert probability.replace("\u00a0", " ") in shown, probability
        page.open(f"{served.url}/artifacts/artifact/{served.artifact('draft-page', run['id'])}")
        link = "document.querySelector('a[href*=\"/reports/drafts/\"]')"
        page.wait(f"!!{link}")
        address = page.evaluate(f"{link}.href")
        assert httpx.get(address).status_code == 401
        page.open(address.replace("//", f"//{served.auth_string}@"), 390, 1400)
        page.wait_for_text("Коротко")
        page.screenshot(SCREENSHOTS / "7-draft-page.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_unknown_owner_is_one_line_of_the_log(served: Served, owner: str) -> None:
    options = {"text": "а", "owner": f"nobody{owner}"}
    answer = served.api.post(
        f"/deployments/{served.deployment('draft')}/create_flow_run",
        json={"parameters": {"options": options}},
    )
    run = answer.raise_for_status().json()["id"]
    wait_for(lambda: served.state(run) == "Failed", 120)
    query = {"logs": {"flow_run_id": {"any_": [run]}}}

    def told() -> str:
        answer = served.api.post("/logs/filter", json=query).raise_for_status()
        return "\n".join(line["message"] for line in answer.json())

    wait_for(lambda: re.search(r"^постов владельца nobody", told(), re.MULTILINE), 30)
    assert "Traceback" not in told()


def _probabilities(served: Served, owner: str, at: str) -> list[str]:
    """What the command line says of the same drafts, as the artifact would write it."""
    result = subprocess.run(
        [
            *VKFLOW, "draft", "--owner", owner, "--at", at, "--json",
            "--text", FIRST, "--text", SECOND,
        ],
        env=served.environment, cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    say = draft_language("ru")
    drafts = json.loads(result.stdout)["drafts"]
    return [say.rate(each["probability"]) for draft in drafts for each in draft["activities"]]


def test_a_trial_is_begun_from_the_form_and_a_second_one_refused(
    served: Served, owner: str
) -> None:
    with chromium() as page:
        sign_in(page, served)
        for number, state in ((1, "Completed"), (2, "Failed")):
            page.open(f"{served.url}/deployments/deployment/{served.deployment('trial')}/run")
            page.wait_for_text("What half of the posts get")
            page.choose("start")
            page.choose("like")
            page.fill("Owner", owner)
            page.click("button", "Submit")
            wait_for(lambda: len(served.runs("trial")) == number, 30)  # noqa: B023
            run = served.runs("trial")[0]
            assert run["parameters"]["options"]["action"] == "start"
            wait_for(lambda: served.state(run["id"]) == state, 120)  # noqa: B023
            if number == 1:
                artifact = served.artifact("trial", run["id"])
                page.open(f"{served.url}/artifacts/artifact/{artifact}", 390)
                page.wait_for_text("Опыт 1")
                page.screenshot(SCREENSHOTS / "8-trial.png")
        assert "на этой стене идёт опыт 1" in served.message(run["id"])
