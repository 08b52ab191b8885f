"""``vkflow trial``: draw trials, say which arm comes next, show what came of them."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from flows.environment import prepare_prefect
from vkflow.printing import printable
from vkflow.settings import Settings, load_settings

app = typer.Typer(
    help="Trials of levers: which posts get one is drawn, and at the end the outcome is judged.",
    no_args_is_help=True,
)
Owner = Annotated[str, typer.Option(help="Name, link or id of the wall.")]
TrialId = Annotated[int, typer.Argument(help="Number of the trial, as `vkflow trial list` has it.")]
LISTED = (
    "trial_id", "owner_id", "lever", "level", "activity", "unit", "n_units", "n_seen", "status",
    "effect", "low", "high", "p_value", "n_followed",
)  # fmt: skip


@app.command()
def start(
    lever: Annotated[str, typer.Option(help="question, emoji, hour=18-21, text_length=long, …")],
    activity: Annotated[str, typer.Option(help="The only one it is judged by: comment, like, …")],
    owner: Owner = "",
    by: Annotated[str, typer.Option("--by", help="What is drawn: post or day.")] = "post",
    posts: Annotated[
        int | None, typer.Option(help="Posts, or days. Default: as many as it takes.")
    ] = None,
    effect: Annotated[
        float, typer.Option(help="The change to find: 0.5 is half more, or a third less.")
    ] = 0.5,
    power: Annotated[float, typer.Option(help="Probability of finding it.")] = 0.8,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many posts it takes.")
    ] = False,
) -> None:
    """Draw which posts of a wall get a lever; `next` says it of each, once it is decided on."""
    settings, moment = _prepared()
    from tasks.draft_intake import known_owners
    from tasks.trialling import TrialRequest, describe_plan, plan_trial, start_trial
    from vkflow.drafts.owners import find_owner
    from vkflow.trials.levers import read_choice
    from vkflow.trials.words import trial_language

    choice = read_choice(lever)
    owner_id = find_owner(owner, known_owners(settings, moment))
    request = TrialRequest(owner_id, choice, activity, by, posts, effect, power)
    if dry_run:
        _say(describe_plan(request, plan_trial(settings, moment, request), "en"))
        return
    trial_id, plan = start_trial(settings, moment, request)
    _say([trial_language("en")("started", id=trial_id), *describe_plan(request, plan, "en")])


@app.command("next")
def next_posts(
    owner: Owner = "",
    ahead: Annotated[
        int, typer.Option(min=1, max=20, help="How many posts: those before the next pull.")
    ] = 1,
) -> None:
    """Say what running trials ask of the next post, or of today's posts."""
    settings, moment = _prepared()
    from tasks.draft_intake import known_owners
    from vkflow.drafts.owners import find_owner

    owner_id = find_owner(owner, known_owners(settings, moment)) if owner else None
    _say_next(settings, moment, owner_id, ahead)


@app.command("list")
def list_trials() -> None:
    """All trials, newest first; of those that run, how far they are."""
    settings, moment = _prepared()
    from flows.tables import print_table
    from tasks.trialling import known_trials
    from vkflow.trials.words import trial_language

    known = known_trials(settings, moment)
    if known.is_empty():
        _say([trial_language("en")("trials_none")])
    else:
        print_table(known.select(LISTED))


@app.command()
def show(trial_id: TrialId) -> None:
    """One trial: all that is known of it, and its posts so far, as of the last night."""
    settings, moment = _prepared()
    import polars as pl

    from flows.tables import print_table
    from tasks.trialling import find_trial, known_posts, known_trials

    known = known_trials(settings, moment)
    find_trial(known, trial_id)
    print_table(known.filter(pl.col("trial_id") == trial_id))
    print_table(known_posts(settings, moment, trial_id), "Posts, as of the last night")


@app.command()
def stop(trial_id: TrialId) -> None:
    """End a running trial without a result; it stays in the list."""
    settings, moment = _prepared()
    from tasks.trialling import stop_trial
    from vkflow.trials.words import trial_language

    stop_trial(settings, moment, trial_id)
    _say([trial_language("en")("stopped_now", id=trial_id)])


def _prepared() -> tuple[Settings, datetime]:
    settings = load_settings()
    prepare_prefect(settings.home)
    return settings, datetime.now(UTC)


def _say_next(settings: Settings, moment: datetime, owner_id: int | None, ahead: int) -> None:
    from tasks.trial_arms import next_arms
    from vkflow.trials.words import assignment_lines, trial_language

    asked = next_arms(settings, moment, owner_id=owner_id, ahead=ahead)
    lines = [line for each in asked for line in assignment_lines(each, "en")]
    _say(dict.fromkeys(lines) if lines else [trial_language("en")("nothing_runs")])


def _say(lines: "list[str] | dict[str, None]") -> None:
    for line in lines:
        typer.echo(printable(line))
