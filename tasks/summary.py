"""What a night did, for people: a Markdown artifact, and lines for the terminal."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import polars as pl
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.events import emit_event

from tasks.advising import Advised
from tasks.judging_trials import TrialCounts
from tasks.pulling import PullCounts
from tasks.scoring import Scored
from tasks.step import step, warehouse_of
from tasks.texts import TextCounts
from tasks.training import Training
from vkflow.printing import as_markdown
from vkflow.settings import Settings
from warehouse import models, predictions

TOP_POSTS = 10
FINISHED = "vkflow.night.finished"
NOTHING_TO_DO = (
    "Nothing has changed since the last night: its model, predictions and report stand. "
    "`vkflow train`, `score` and `report` run a step all the same."
)


@dataclass(frozen=True)
class Night:
    """All that a summary tells.

    Attributes:
        seconds: how long each step took, by its name.
        warnings: what failed without stopping the night.
        is_up_to_date: whether there was nothing to do, since nothing has changed.
    """

    pulled: PullCounts
    seconds: dict[str, float]
    warnings: list[str]
    texts: TextCounts = field(default_factory=TextCounts)
    pictures: int = 0
    trained: Training = field(default_factory=Training)
    decision: str = ""
    scored: Scored = field(default_factory=Scored)
    advised: Advised = field(default_factory=Advised)
    drifted: Sequence[str] = ()
    trials: TrialCounts = field(default_factory=TrialCounts)
    is_up_to_date: bool = False

    def counts(self) -> dict[str, object]:
        """What the run log keeps of it."""
        return {
            "pull": self.pulled.as_dict(),
            "texts": asdict(self.texts),
            "pictures": self.pictures,
            "scores": asdict(self.scored),
            "advice": asdict(self.advised),
            "trials": asdict(self.trials),
            "seconds": self.seconds,
            "warnings": self.warnings,
        }


def quality_line(settings: Settings, model_version: str | None) -> str:
    """One sentence on how good a bundle is, next to the baselines it must beat."""
    with warehouse_of(settings) as connection:
        known = {row["model_version"] for row in models.list_models(connection).to_dicts()}
        if model_version is None or model_version not in known:  # the rates of owners
            return "Quality: there is no model yet."
        metrics = models.read_metrics(connection, model_version)
    overall = dict(
        metrics.filter(pl.col("activity") == "all", pl.col("split") == "test")
        .select("metric", "value")
        .iter_rows()
    )
    if not overall:
        return f"Quality of {model_version}: no activity could be judged."
    line = (
        f"Quality of {model_version} on its test window, mean over activities: log loss per view "
        f"{overall['log_loss_per_view']:.5f}, {overall['gain_over_global']:+.2%} over the global "
        f"rate, {overall['gain_over_owner']:+.2%} over the owner rate"
    )
    if "oracle_share" in overall:
        line += (
            f"; {overall['oracle_share']:.2f} of the attainable gain over the global rate, "
            f"{overall['oracle_share_over_owner']:.2f} over the owner rate"
        )
    return line + "."


@step("summarise night")
def summarise(settings: Settings, night: Night) -> str:
    """Create the artifacts of the night; returns the Markdown."""
    markdown = "\n".join(_lines(night, quality_line(settings, night.scored.model_version)))
    create_markdown_artifact(markdown, key="night", description="What the night did")
    with warehouse_of(settings) as connection:
        top = predictions.most_promising(connection, "like", TOP_POSTS)
    if len(top):
        rows = top.with_columns(pl.col("published_at").dt.to_string("%Y-%m-%d %H:%M")).to_dicts()
        create_table_artifact(
            rows, key="most-promising", description="Highest probability of a like"
        )
    return markdown


def announce(night: Night) -> None:
    """Emit the event of a night that has ended, its report included."""
    emit_event(
        event=FINISHED,
        resource={"prefect.resource.id": "vkflow.night"},
        payload={
            "new_posts": night.pulled.new,
            "scored_posts": night.scored.posts,
            "model_version": night.scored.model_version,
            "warnings": night.warnings,
        },
    )


def _lines(night: Night, quality: str) -> list[str]:
    pulled = night.pulled
    lines = [
        "## The night",
        "",
        f"- Posts: {pulled.seen} seen, {pulled.new} new, {pulled.changed} changed; "
        f"{pulled.snapshots} snapshots added",
    ]
    if night.is_up_to_date:
        return [*lines, f"- {NOTHING_TO_DO}", f"- {quality}"]
    lines += [
        f"- Texts: {night.texts.texts} embedded ({night.texts.tokens} tokens), "
        f"{night.texts.truncated} cut",
        f"- Pictures: {night.pictures} tagged, {pulled.bad_pictures} bad",
        f"- Model: {night.trained.message}; {night.decision}",
        f"- Scores: {night.scored.message}",
        f"- {quality}",
        f"- Drift: {', '.join(night.drifted[:8]) or 'nothing notable'}",
    ]
    if night.trials != TrialCounts():
        lines.append(
            f"- Trials: {night.trials.running} running, {night.trials.finished} finished tonight"
        )
    lines += [f"- **Warning**: {as_markdown(warning)}" for warning in night.warnings]
    for reason, rows in pulled.quarantined.most_common():
        lines.append(f"- Quarantine: {rows} rows, {as_markdown(reason)}")
    lines += ["", "| step | seconds | a second |", "|---|---:|---:|"]
    lines += [
        f"| {name} | {seconds:.1f} | {_pace(night, name, seconds)} |"
        for name, seconds in night.seconds.items()
    ]
    return lines


def _pace(night: Night, step: str, seconds: float) -> str:
    """How many things a step did a second; empty for one that did none or does not count."""
    done = {
        "pull": (night.pulled.seen, "posts"),
        "embed texts": (night.texts.texts, "texts"),
        "tag pictures": (night.pictures, "pictures"),
        "score": (night.scored.posts, "posts"),
    }
    number, things = done.get(step, (0, ""))
    return f"{number / seconds:.0f} {things}" if number and seconds else ""
