"""Numbers in Russian sentences have the Russian form, whoever wrote the sentence, and when."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from tasks.pulling import PullCounts
from tasks.scoring import Scored
from tasks.summary import Night, _lines
from tasks.texts import TextCounts
from tasks.training import Training
from tests.fakes.drafts import NOW, made_assignment, made_told
from tests.fakes.russian import english_numbers, seen_lines
from vkflow.drafts.draft import Draft, check_draft
from vkflow.drafts.markdown import as_markdown_page
from vkflow.drafts.page import render_page
from vkflow.drafts.words import draft_language
from vkflow.errors import DraftError, TrialError
from vkflow.insights.report.language import load_language
from vkflow.modelling.promotion import decide_promotion
from vkflow.trials.levers import Choice
from vkflow.trials.planning import Habits, Plan
from vkflow.trials.words import assignment_lines, plan_lines

RU = load_language("ru")
GAINS = {"gain_over_global": 0.071, "gain_over_owner": 0.0712}
DECISIONS = {
    "first": (GAINS, False),
    "beats nothing": ({"gain_over_global": 0.071, "gain_over_owner": -0.012}, True),
    "worse": ({**GAINS, "loss_against_champion": 0.0213}, True),
    "worse than long ago": ({**GAINS, "loss_against_earlier_champion": 0.0213}, True),
    "nothing to judge by": (GAINS, True),
    "as good": ({**GAINS, "loss_against_champion": -0.0012}, True),
}


def decision(figures: dict[str, float], has_champion: bool) -> str:
    rows = [
        ("all", "test", name, value, value - 0.01, value + 0.01) for name, value in figures.items()
    ]
    metrics = pl.DataFrame(
        rows, schema=["activity", "split", "metric", "value", "low", "high"], orient="row"
    )
    made = decide_promotion(metrics, has_champion=has_champion)
    return f"20261102-abc {'promoted' if made.promoted else 'rejected'}: {made.reason}"


def night_artifact() -> Iterator[str]:
    """Of nights that decided in every way there is."""
    for figures, has_champion in DECISIONS.values():
        night = Night(
            pulled=PullCounts(
                seen=13_874,
                quarantined=Counter({"the text is longer than 100000 characters": 1_234}),
            ),
            seconds={"pull": 1.5, "embed texts": 125.4},
            warnings=[],
            texts=TextCounts(1_234, 1_234_567, 12),
            trained=Training("20261102-abc", True, "trained 20261102-abc"),
            decision=decision(figures, has_champion),
            scored=Scored("20261102-abc", 1_234, 9_872, "1234 posts scored with 20261102-abc"),
        )
        yield from _lines(night, f"Качество {RU.percent(0.0712, 2, signed=True)}", RU)


def draft_page() -> Iterator[str]:
    yield from seen_lines(render_page(made_told(), draft_language("ru")))


def draft_artifact() -> Iterator[str]:
    yield from as_markdown_page(made_told(), draft_language("ru")).splitlines()


def trial_page() -> Iterator[str]:
    habits = Habits(0.01, 0.1, np.zeros((1, 4)), 1.0, 4.0)
    plan = Plan(1_200, 0.255, 0.734, 1_400, habits)
    for lever in ("question", "capitals"):
        yield from plan_lines(plan, Choice(lever, "yes"), "comment", "post", 0.805, "ru")
    yield from assignment_lines(made_assignment(), "ru")


def errors() -> Iterator[str]:
    long = Draft("draft 1", -7, NOW, "а" * 1_000_000)
    with pytest.raises(DraftError) as raised:
        check_draft(long, now=NOW, max_characters=100_000)
    values = {"n": 12, "effect": 0.25, "reached": 0.314, "power": 0.8, "needed": 96, "most": 30.0}
    for error in (
        raised.value,
        *(TrialError(key, **values) for key in ("too_few", "far_too_few", "never_enough")),
    ):
        yield error.message.in_language("ru")


OUTPUTS = (night_artifact, draft_page, draft_artifact, trial_page, errors)


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.__name__)
def test_no_number_of_a_russian_output_has_an_english_form(output) -> None:
    lines = list(output())
    assert any("\u00a0" in line for line in lines) and english_numbers(lines) == []


def test_an_english_number_is_noticed() -> None:
    english = ["+7.1%", "на 7 %", "12%", "0.5", "1,234 постов", "1.5 с", "на -7,1\u00a0%"]
    russian = [
        "+7,1\u00a0%",
        "0,123",
        "1\u00a0234",
        "с 18:00",
        "2026-11-30",
        "v0.2.1",
        "a.b",
        "−7,1",
    ]
    assert english_numbers(english) == english and english_numbers(russian) == []
