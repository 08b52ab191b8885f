"""``vkflow trial`` and its flow, on a home after two real nights."""

import shutil
from pathlib import Path
from typing import get_args

import pytest

from tests.command import vkflow_here
from tests.conftest import Nights
from vkflow.activities import ACTIVITY_NAMES
from vkflow.trials.levers import CHOICES
from warehouse.database import open_warehouse


@pytest.fixture(scope="module")
def owner(nights: Nights) -> str:
    """The wall with the most posts."""
    with open_warehouse(nights.home / "warehouse.duckdb") as connection:
        row = connection.execute(
            "SELECT owner_id FROM posts GROUP BY 1 ORDER BY count(*) DESC, 1"
        ).fetchone()
    assert row
    return str(row[0])


@pytest.fixture(scope="module")
def begun(nights: Nights, owner: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a running trial."""
    home = tmp_path_factory.mktemp("trial") / "home"
    shutil.copytree(nights.home, home)
    result = vkflow_here(
        "trial", "start", "--owner", owner, "--lever", "question", "--activity", "like",
        "--effect", "1", home=home,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    said = result.stdout.replace("\u00a0", " ")
    for words in (
        "Trial 1 begins", "half of them with a question in the text", "with a probability of 8",
        "Decide on a post first, then ask for its arm",
    ):  # fmt: skip
        assert words in said, words
    assert "next post" not in said
    asked = vkflow_here("trial", "next", home=home).stdout.replace("\u00a0", " ")
    assert "Trial 1: the next post, 1 of" in asked and "No post since the start" in asked
    return home


def test_a_dry_run_says_how_many_posts_it_takes_and_stores_nothing(
    nights: Nights, owner: str
) -> None:
    result = vkflow_here(
        "trial", "start", "--owner", owner, "--lever", "hour=18-21", "--activity", "like",
        "--effect", "1", "--dry-run", home=nights.home,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "half of them between 18:00 and 21:59" in result.stdout.replace("\u00a0", " ")
    assert "No trial has been drawn yet" in vkflow_here("trial", "list", home=nights.home).stdout
    nothing = vkflow_here("trial", "next", home=nights.home)
    assert nothing.stdout == "No trial is running.\n"


def test_a_running_trial_is_listed_and_shown(begun: Path) -> None:
    listed = vkflow_here("trial", "list", home=begun).stdout
    assert "question" in listed and "running" in listed
    shown = vkflow_here("trial", "show", "1", home=begun)
    assert shown.returncode == 0 and "planned_effect" in shown.stdout


def test_arms_ahead_are_told_one_a_line(begun: Path, owner: str) -> None:
    said = vkflow_here("trial", "next", "--owner", owner, "--ahead", "4", home=begun).stdout
    lines = [line for line in said.splitlines() if line.startswith("Trial 1: the next post")]
    assert len(lines) == 4
    assert sum("with a question" in line for line in lines) == 2


def test_a_draft_is_told_its_arm(begun: Path, owner: str) -> None:
    from flows.draft import DraftOptions, draft

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VKFLOW_HOME", str(begun))
        patch.setenv("VKFLOW_REPORT__LANGUAGE", "ru")
        markdown = draft(DraftOptions(text="Кто пойдёт в лес?", owner=owner))
    assert "**Опыт 1: следующий пост, 1 из" in markdown and "черновик" in markdown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("start", "--owner", "OWNER", "--lever", "qestion", "--activity", "like"), "did you mean"),
        (("start", "--owner", "OWNER", "--lever", "emoji", "--activity", "likes"), "no activity"),
        (("start", "--owner", "-1", "--lever", "emoji", "--activity", "like"), "no posts of an"),
        (
            ("start", "--owner", "OWNER", "--lever", "emoji", "--activity", "like", "--posts",
             "12", "--effect", "0.1"),
            "12 are too few",
        ),
        (
            ("start", "--owner", "OWNER", "--lever", "emoji", "--activity", "like", "--effect",
             "1"),
            "trial 1 (question on like) is running on this wall",
        ),
        (("stop", "9"), "there is no trial 9; there are: 1"),
        (("show", "9"), "there is no trial 9; there are: 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(
    begun: Path, owner: str, arguments: tuple[str, ...], said: str
) -> None:
    chosen = [owner if each == "OWNER" else each for each in arguments]
    result = vkflow_here("trial", *chosen, home=begun)
    assert result.returncode == 1
    assert said in result.stderr and result.stderr.count("\n") == 1, result.stderr


def test_a_trial_is_stopped_once(begun: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(begun, home)
    assert "Trial 1 is stopped" in vkflow_here("trial", "stop", "1", home=home).stdout
    again = vkflow_here("trial", "stop", "1", home=home)
    assert again.returncode == 1 and "trial 1 is stopped already" in again.stderr
    assert "stopped" in vkflow_here("trial", "list", home=home).stdout


def test_the_form_plans_starts_asks_and_stops(nights: Nights, owner: str, tmp_path: Path) -> None:
    from flows.trial import TrialOptions, trial

    home = tmp_path / "home"
    shutil.copytree(nights.home, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VKFLOW_HOME", str(home))
        patch.setenv("VKFLOW_REPORT__LANGUAGE", "en")
        wanted = {"owner": owner, "activity": "like", "lever": "emoji", "effect": 1.0}
        assert "half of them with an emoji" in trial(TrialOptions(**wanted))
        assert "No trial" in trial(TrialOptions(action="next", owner=owner))
        started = trial(TrialOptions(action="start", **wanted))
        # Who knows the arm before the post chooses the post by it.
        assert "Trial 1 begins" in started and "next post" not in started
        assert "the next post, 1 of" in trial(TrialOptions(action="next", owner=owner))
        assert "stopped" in trial(TrialOptions(action="stop", trial=1))


def test_every_field_of_the_form_is_explained_and_every_choice_is_there() -> None:
    from flows.trial import ActivityName, LeverName, TrialOptions

    fields = TrialOptions.model_json_schema()["properties"]
    assert all(field.get("title") and field.get("description") for field in fields.values())
    assert get_args(LeverName) == tuple(CHOICES)
    assert get_args(ActivityName) == ACTIVITY_NAMES
