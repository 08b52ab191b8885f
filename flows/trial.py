"""Draw a trial of a lever on one wall, ask which arm the next post belongs to, or stop one."""

from datetime import datetime
from typing import Literal

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from pydantic import BaseModel, ConfigDict, Field

from flows.options import RunOptions
from tasks.draft_intake import known_owners
from tasks.trial_arms import next_arms
from tasks.trialling import TrialRequest, describe_plan, plan_trial, start_trial, stop_trial
from vkflow.drafts.owners import find_owner
from vkflow.errors import translated_errors
from vkflow.printing import as_markdown
from vkflow.settings import Settings
from vkflow.trials.levers import read_choice
from vkflow.trials.planning import MAX_EFFECT, MAX_POWER, MAX_UNITS, MIN_POWER, MIN_UNITS
from vkflow.trials.words import assignment_lines, trial_language

LeverName = Literal[
    "question", "emoji", "hashtags", "links", "capitals", "has_picture", "text_length=few_words",
    "text_length=short", "text_length=long", "hour=0-5", "hour=6-9", "hour=10-13", "hour=14-17",
    "hour=18-21", "hour=22-23",
]  # fmt: skip
ActivityName = Literal[
    "like", "comment", "repost", "share_to_message", "hide", "expand", "open_photo", "open"
]


class TrialOptions(BaseModel):
    """What to do about which trial."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["plan", "start", "next", "stop"] = Field(
        "plan",
        title="Action",
        description="plan: only say how many posts it takes. start: draw the schedule. next: which "
        "arm the next post belongs to. stop: end a trial without a result.",
    )
    owner: str = Field(
        "",
        title="Owner",
        description="Name, link or id of the wall, such as club7. Empty: the only one there is.",
    )
    lever: LeverName = Field(
        "question", title="Lever", description="What half of the posts get, and half do not."
    )
    activity: ActivityName = Field(
        "comment", title="Activity", description="The only one the trial is judged by."
    )
    unit: Literal["post", "day"] = Field(
        "post",
        title="By",
        description="post: each next post has an arm. day: all posts of a day have the same.",
    )
    posts: int | None = Field(
        None,
        ge=MIN_UNITS,
        le=MAX_UNITS,
        title="Posts",
        description="How many, or how many days. None: as many as it takes.",
    )
    effect: float = Field(
        0.5,
        gt=0,
        le=MAX_EFFECT,
        title="Effect",
        description="The change to find: 0.5 is half more, or a third less.",
    )
    power: float = Field(
        0.8, ge=MIN_POWER, le=MAX_POWER, title="Power", description="Probability of finding it."
    )
    trial: int | None = Field(
        None,
        title="Trial",
        description="Number of the trial to stop, as it was told when it began.",
    )


@flow(name="trial", description=__doc__)
def trial(options: TrialOptions = TrialOptions()) -> str:  # noqa: B008
    """Do it; returns the Markdown of the artifact."""
    run = RunOptions()
    settings, moment = run.settings(), run.moment()
    with translated_errors(settings.report.language):
        lines = _lines(options, settings, moment)
    markdown = "\n".join(f"- {as_markdown(line)}" for line in lines)
    create_markdown_artifact(markdown, key="trial", description=options.action)
    return markdown


def _lines(options: TrialOptions, settings: Settings, moment: datetime) -> list[str]:
    code = settings.report.language
    if options.action == "stop":
        stop_trial(settings, moment, options.trial)
        return [trial_language(code)("stopped_now", id=options.trial)]
    owner_id = find_owner(options.owner, known_owners(settings, moment))
    request = TrialRequest(
        owner_id, read_choice(options.lever), options.activity, options.unit, options.posts,
        options.effect, options.power,
    )  # fmt: skip
    if options.action == "plan":
        return describe_plan(request, plan_trial(settings, moment, request), code)
    if options.action == "start":
        trial_id, plan = start_trial(settings, moment, request)
        return [trial_language(code)("started", id=trial_id), *describe_plan(request, plan, code)]
    asked = next_arms(settings, moment, owner_id=owner_id)
    lines = [line for each in asked for line in assignment_lines(each, code)]
    return lines or [trial_language(code)("nothing_runs")]
