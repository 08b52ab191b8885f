"""Search for better parameters of the trees, and judge what was found on the test window."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.context import TaskRunContext

from tasks.experimenting import experiment_setup, store_experiment
from tasks.judging import oracle_of
from tasks.step import run_logger, step
from vkflow.errors import SourceError
from vkflow.modelling.evaluation import ALL
from vkflow.research.experiments import run_experiment
from vkflow.research.search import (
    TUNED,
    Trial,
    best_trial,
    search_parameters,
    side_by_side,
)
from vkflow.research.variants import PRODUCT
from vkflow.settings import Settings


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        experiment_id: its two variants are on the leaderboard.
        trials: how many sets of parameters were tried.
        is_better: whether the best of them also wins on the test window, beyond chance.
        message: for people, in Markdown: the figures, and lines for ``vkflow.toml``.
    """

    experiment_id: str
    trials: int
    is_better: bool
    message: str


@step("search parameters")
def search_trees(settings: Settings, as_of: datetime, minutes: float) -> Found:
    """Try parameters of the trees for some minutes, then judge the best beside those in use.

    Raises:
        SourceError: there are too few labelled posts.
    """
    log = run_logger()

    def tell(trial: Trial) -> None:
        log.info("gain %+.3f %%: %s", 100 * trial.gain, _shown(trial))

    with experiment_setup(settings, as_of) as setup:
        trials = search_parameters(setup, seconds=60 * minutes, on_trial=tell)
        best = best_trial(trials)
        results = run_experiment(
            setup,
            side_by_side(best.parameters),
            oracle_of(settings),
            on_progress=lambda _name: None,
        )
    experiment_id = f"search-{as_of:%Y%m%d-%H%M%S}"
    store_experiment(settings, experiment_id, as_of, results)
    found = _found(experiment_id, trials, results)
    _show(trials, found)
    return found


def _found(experiment_id: str, trials: list[Trial], results: pl.DataFrame) -> Found:
    if missing := results.filter(pl.col("reason").is_not_null())["reason"].to_list():
        raise SourceError(f"the parameters cannot be compared: {missing[0]}")
    overall = results.filter(pl.col("activity") == ALL)
    gain = dict(overall.select("variant", "gain_over_owner").iter_rows())
    tuned = overall.filter(pl.col("variant") == TUNED).row(0, named=True)
    high = tuned["against_high"]
    is_better = high is not None and high < 0
    best = best_trial(trials)
    lines = [
        f"## Search: {len(trials)} trials",
        "",
        f"On the validation window the best trial gains {best.gain:+.2%} over the global rate, the "
        f"parameters in use {trials[0].gain:+.2%}. On the test window, which chose nothing, it "
        f"gains {gain[TUNED]:+.2%} over the owner rate, those in use {gain[PRODUCT]:+.2%}"
        + (_interval(tuned) if high is not None else ", which is too few posts to tell")
        + ".",
        "",
    ]
    if is_better:
        lines += ["Better. To use it, put this into `vkflow.toml`:", "", *_toml(best)]
    else:
        lines.append("Not better beyond chance: keep the parameters in use.")
    return Found(experiment_id, len(trials), is_better, "\n".join(lines))


def _interval(tuned: dict[str, float]) -> str:
    low, high = tuned["against_low"], tuned["against_high"]
    return f": log loss {tuned['against_product']:+.2%} (95 %: {low:+.2%} to {high:+.2%})"


def _toml(trial: Trial) -> list[str]:
    return ["```toml", "[training]", *_shown(trial).split(", "), "```"]


def _shown(trial: Trial) -> str:
    return ", ".join(f"{name} = {value:.4g}" for name, value in trial.parameters.items())


def _show(trials: list[Trial], found: Found) -> None:
    if TaskRunContext.get() is None:
        return
    create_markdown_artifact(found.message, key="search", description="What the search found")
    create_table_artifact(
        [
            {**trial.parameters, "gain": trial.gain, "seconds": trial.seconds}
            for trial in sorted(trials, key=lambda trial: -trial.gain)
        ],
        key="search-trials",
        description="Parameters tried, best on the validation window first",
    )
