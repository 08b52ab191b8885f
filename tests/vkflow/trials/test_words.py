"""What trials say, in two languages."""

import re
import string
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import yaml

import vkflow.trials as package
from tests.fakes.drafts import made_assignment
from vkflow.trials.levers import Choice
from vkflow.trials.planning import Habits, Plan
from vkflow.trials.words import assignment_lines, plan_lines, trial_language

CODES = ("ru", "en")
ROOT = Path(str(package.__file__)).parents[2]
CATALOGUES = {
    code: yaml.safe_load(
        (files("vkflow.trials") / "catalogue" / f"trials.{code}.yaml").read_text("utf-8")
    )
    for code in CODES
}


def gaps(phrase: object) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(str(phrase)) if name}


def test_both_catalogues_have_the_same_phrases_with_the_same_gaps() -> None:
    ru, en = (CATALOGUES[code] for code in CODES)
    assert ru.keys() == en.keys()
    assert [key for key in ru if key != "arms" and gaps(ru[key]) != gaps(en[key])] == []


def test_every_phrase_is_said_somewhere_and_every_one_that_is_said_exists() -> None:
    sources = [*(ROOT / "vkflow" / "trials").glob("*.py"), *(ROOT / "flows").glob("trial*.py")]
    sources.append(ROOT / "tasks" / "trialling.py")
    text = "\n".join(file.read_text("utf-8") for file in sources)
    raised = {f"error_{key}" for key in re.findall(r'\bTrialError\(\s*"([a-z_]+)"', text)}
    named = {key for key in CATALOGUES["en"] if f'"{key}"' in text} | raised
    named |= {f"error_{key}" for key in ("already_finished", "already_stopped", "far_too_few")}
    assert named == set(CATALOGUES["en"])
    said = set(re.findall(r"say(?:\.plural)?\(\s*\"([a-z_0-9]+)\"", text))
    assert all(trial_language(code).has(key) for code in CODES for key in said)


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        (
            "en",
            [
                "Trial 3: the next post, 5 of 96, is to appear with a question in the text.",
                "Posts are counted until that of 1 November, 12:00; if there are newer ones, they "
                "come first.",
                "This draft is not so.",
            ],
        ),
        (
            "ru",
            [
                "Опыт 3: следующий пост, 5 из 96, должен выйти с вопросом в тексте.",
                "Учтены посты до того, что вышел 1 ноября, 12:00; если есть более новые, они идут "
                "раньше.",
                "Этот черновик не таков.",
            ],
        ),
    ],
)
def test_the_next_post_is_told_what_to_be_like(code: str, lines: list[str]) -> None:
    said = assignment_lines(made_assignment(), code)  # type: ignore[arg-type]
    assert [line.replace("\u00a0", " ") for line in said] == lines


@pytest.mark.parametrize(("a_week", "is_long"), [(1.0, True), (4.0, False)])
def test_a_plan_of_more_than_a_year_says_so(a_week: float, is_long: bool) -> None:
    habits = Habits(0.01, 0.1, np.zeros((1, 4)), 1.0, a_week)
    plan = Plan(120, 0.5, 0.8, 120, habits)
    for code, words in (("en", "more than a year"), ("ru", "больше года")):
        lines = plan_lines(plan, Choice("question", "yes"), "comment", "post", 0.8, code)  # type: ignore[arg-type]
        assert any(words in line for line in lines) is is_long
