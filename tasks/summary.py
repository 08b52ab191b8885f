"""What a night did, for people: a Markdown artifact, and lines for the terminal."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import polars as pl
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.events import emit_event

from tasks.advising import Advised
from tasks.judging_trials import TrialCounts
from tasks.pull_counts import PullCounts
from tasks.scoring import Scored
from tasks.step import step, warehouse_of
from tasks.texts import TextCounts
from tasks.training import Training
from vkflow.insights.report.language import Language, load_language
from vkflow.insights.report.night import step_name
from vkflow.printing import as_markdown
from vkflow.settings import Settings
from warehouse import models, predictions

TOP_POSTS = 10
MAX_DRIFTED = 8
FINISHED = "vkflow.night.finished"


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


def quality_line(settings: Settings, model_version: str | None, say: Language) -> str:
    """One sentence on how good a bundle is, next to the baselines it must beat."""
    with warehouse_of(settings) as connection:
        known = {row["model_version"] for row in models.list_models(connection).to_dicts()}
        if model_version is None or model_version not in known:  # the rates of owners
            return say("night_quality_none")
        metrics = models.read_metrics(connection, model_version)
    overall = dict(
        metrics.filter(pl.col("activity") == "all", pl.col("split") == "test")
        .select("metric", "value")
        .iter_rows()
    )
    if not overall:
        return say("night_quality_unjudged", version=model_version)
    line = say(
        "night_quality",
        version=model_version,
        loss=say.number(overall["log_loss_per_view"], 5),
        over_global=say.percent(overall["gain_over_global"], 2, signed=True),
        over_owner=say.percent(overall["gain_over_owner"], 2, signed=True),
    )
    if "oracle_share" not in overall:
        return f"{line}."
    shares = say(
        "night_attainable",
        over_global=say.number(overall["oracle_share"], 2),
        over_owner=say.number(overall["oracle_share_over_owner"], 2),
    )
    return f"{line}; {shares}."


@step("summarise night")
def summarise(settings: Settings, night: Night) -> str:
    """Create the artifacts of the night, in the language of the report.

    Returns:
        The same Markdown in English, for a terminal.
    """
    artifact, terminal = (
        "\n".join(_lines(night, quality_line(settings, night.scored.model_version, say), say))
        for say in (load_language(settings.report.language), load_language("en"))
    )
    say = load_language(settings.report.language)
    create_markdown_artifact(artifact, key="night", description=say("night_artifact"))
    with warehouse_of(settings) as connection:
        top = predictions.most_promising(connection, "like", TOP_POSTS)
    if len(top):
        rows = top.with_columns(pl.col("published_at").dt.to_string("%Y-%m-%d %H:%M")).to_dicts()
        create_table_artifact(rows, key="most-promising", description=say("night_most_promising"))
    return terminal


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


def _lines(night: Night, quality: str, say: Language) -> list[str]:
    pulled = night.pulled
    lines = [f"## {say('night_title')}", "", f"- {_counted(say, 'night_posts', pulled)}"]
    if night.is_up_to_date:
        return [*lines, f"- {say('night_up_to_date')}", f"- {quality}"]
    drifted = ", ".join(night.drifted[:MAX_DRIFTED]) or say("night_no_drift")
    trained, decision = say.stored_list(night.trained.message), say.stored(night.decision)
    lines += [
        f"- {_counted(say, 'night_texts', night.texts)}",
        f"- {say('night_pictures', tagged=night.pictures, bad=pulled.bad_pictures)}",
        f"- {say('night_model', trained=trained, decision=decision)}",
        f"- {say('night_scores', scored=say.stored(night.scored.message))}",
        f"- {quality}",
        f"- {say('night_drift', drifted=drifted)}",
    ]
    if night.trials != TrialCounts():
        lines.append(f"- {_counted(say, 'night_trials', night.trials)}")
    heading = say("night_warning")
    lines += [f"- **{heading}**: {as_markdown(warning)}" for warning in night.warnings]
    for reason, rows in pulled.quarantined.most_common():
        told = as_markdown(say.stored(reason))
        lines.append(f"- {say('night_quarantine', rows=rows, reason=told)}")
    lines += ["", say("night_steps"), "|---|---:|---:|"]
    for name, seconds in night.seconds.items():
        pace = _pace(night, name, seconds, say)
        lines.append(f"| {step_name(name, say)} | {say.duration(seconds)} | {pace} |")
    return lines


def _counted(say: Language, key: str, counts: object) -> str:
    """A phrase with the attributes of counts in its gaps."""
    return say(key, **vars(counts))


def _pace(night: Night, step: str, seconds: float, say: Language) -> str:
    """How many things a step did a second; empty for one that did none or does not count."""
    done = {
        "pull": (night.pulled.seen, "night_things_posts"),
        "embed texts": (night.texts.texts, "night_things_texts"),
        "tag pictures": (night.pictures, "night_things_pictures"),
        "score": (night.scored.posts, "night_things_posts"),
    }
    number, things = done.get(step, (0, ""))
    return f"{say.number(number / seconds)} {say(things)}" if number and seconds else ""
