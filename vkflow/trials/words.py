"""What trials say, in Russian or English."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from vkflow.insights.report.language import Language
from vkflow.insights.sentences import LanguageCode
from vkflow.translation import phrases
from vkflow.trials.assignment import Assignment
from vkflow.trials.levers import Choice
from vkflow.trials.planning import Plan
from vkflow.trials.schedule import POST, WITH, WITHOUT

WEEKS_OF_A_YEAR = 52


@cache
def trial_language(code: LanguageCode) -> Language:
    """The phrases of the report, and those of trials."""
    return Language(code, phrases("report", code, "insights") | phrases("trials", code))


def arm_phrase(choice: Choice, arm: str, code: LanguageCode) -> str:
    """What a post of an arm is like: "with a question in the text"."""
    arms: Mapping[str, Any] = phrases("trials", code)["arms"][choice.lever]
    of_level: Mapping[str, str] = arms.get(choice.level, arms)
    start, _, end = choice.level.partition("-")
    return of_level[arm].format(start=start, end=end)


def assignment_lines(asked: Assignment, code: LanguageCode) -> list[str]:
    """What the next post, or a day's, is to be like, and what that rests on."""
    say = trial_language(code)
    values = {
        "id": asked.trial_id,
        "number": asked.number,
        "all": asked.n_units,
        "arm": arm_phrase(asked.choice, asked.arm, code),
    }
    if asked.day is not None:
        lines = [say("asked_day", day=say.long_date(asked.day), **values)]
    else:
        lines = [say("asked_post", **values), _counted(asked, say)]
    if asked.is_followed is not None:
        lines.append(say("draft_followed" if asked.is_followed else "draft_not_followed"))
    return lines


def _counted(asked: Assignment, say: Language) -> str:
    if asked.last_post_at is None:
        return say("counted_none")
    moment = asked.last_post_at.astimezone(ZoneInfo(asked.time_zone))
    return say("counted_until", moment=say.moment(moment))


def plan_lines(
    plan: Plan, choice: Choice, activity: str, unit: str, power: float, code: LanguageCode
) -> list[str]:
    """What a trial takes, and what it would find.

    Args:
        plan: of the trial.
        choice: the lever and its level.
        activity: it is judged by.
        unit: ``post`` or ``day``.
        power: that was asked for.
        code: the language.
    """
    say = trial_language(code)
    weeks = say.plural("weeks", max(round(plan.n_units / plan.habits.a_week), 1))
    arms = {arm: arm_phrase(choice, arm, code) for arm in (WITH, WITHOUT)}
    lines = [
        say("plan_post", posts=say.plural("posts", plan.n_units), weeks=weeks, **arms)
        if unit == POST
        else say("plan_day", all=plan.n_units, weeks=weeks, **arms),
        say(
            "plan_power",
            activity=say.activity(activity).lower(),
            effect=say.percent(plan.effect),
            power=say.percent(plan.power),
        ),
    ]
    if plan.n_units > WEEKS_OF_A_YEAR * plan.habits.a_week:
        lines.append(say("plan_long"))
    if plan.needed is not None and plan.power < power:
        lines.append(say("plan_needed", power=say.percent(power), needed=plan.needed))
    return lines
