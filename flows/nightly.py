"""The night: pull, embed, tag, train, score, advise, publish, report."""

from datetime import datetime

from prefect import flow

from flows.blocks import with_secrets
from flows.options import RunOptions
from flows.stopwatch import Stopwatch
from tasks.advising import Advised, advise_authors
from tasks.backing_up import back_up_warehouse
from tasks.drifting import measure_drift
from tasks.exporting import export_predictions
from tasks.growing import estimate_growth
from tasks.judging_trials import TrialCounts, judge_trials
from tasks.pictures import tag_pictures
from tasks.publishing import publish_snapshot
from tasks.pull_counts import PullCounts
from tasks.pulling import pull_posts
from tasks.reporting import write_report
from tasks.run_log import logged_run
from tasks.scoring import Scored, score_posts
from tasks.summary import Night, announce, summarise
from tasks.texts import compute_text_statistics, embed_texts
from tasks.training import Training, decide_on_bundle, train_bundle
from tasks.up_to_date import current_champion, is_up_to_date, mark_up_to_date
from vkflow.settings import Settings

NO_DRIFT: list[str] = []
NOT_TRAINED = Training(None, False, "training failed, the champion stays")


@flow(name="nightly", description=__doc__, flow_run_name="nightly", validate_parameters=True)
def nightly(options: RunOptions = RunOptions()) -> str:  # noqa: B008 - Prefect shows it in the form
    """Pull new posts, embed and tag them, train, score and publish; returns the summary.

    Steps the night can do without are attempted: one that fails is a warning in the final state.
    Where nothing has changed since the last night there is nothing else to do.
    """
    settings, watch = with_secrets(options.settings()), Stopwatch()
    with logged_run(settings, "nightly") as (run_id, counts):
        pulled = watch.attempt("pull", lambda: pull_posts(settings, options.moment()), PullCounts())
        as_of = options.moment()  # unless it was given: after the counts that were read just now
        if not watch.warnings and is_up_to_date(settings, as_of):
            scored = Scored(current_champion(settings, as_of))
            night = Night(pulled, watch.seconds, watch.warnings, scored=scored, is_up_to_date=True)
        else:
            night = _work(settings, watch, pulled, as_of, run_id)
        counts |= night.counts() | {"as_of": as_of.isoformat()}
        summary = summarise(settings, night)
    if not night.is_up_to_date:
        # Once the night is in the run log, which the report reads.
        watch.attempt("report", lambda: write_report(settings, as_of), None)
        if not watch.warnings:
            mark_up_to_date(settings, as_of)
    announce(night)
    return watch.ended(summary)


def _work(
    settings: Settings, watch: Stopwatch, pulled: PullCounts, as_of: datetime, run_id: str
) -> Night:
    """All steps between pulling and the report."""
    watch.time("growth", lambda: estimate_growth(settings, as_of))
    watch.time("count words", lambda: compute_text_statistics(settings))
    texts = watch.time("embed texts", lambda: embed_texts(settings))
    pictures = watch.time("tag pictures", lambda: tag_pictures(settings))
    trained = watch.attempt("train", lambda: train_bundle(settings, as_of), NOT_TRAINED)
    decision = decide_on_bundle(settings, trained.model_version, as_of)
    scored = watch.time("score", lambda: score_posts(settings, as_of, run_id))
    advised = watch.attempt("advise", lambda: advise_authors(settings, as_of), Advised())
    judged = watch.attempt("trials", lambda: judge_trials(settings, as_of), TrialCounts())
    drifted = watch.attempt("drift", lambda: measure_drift(settings, as_of), NO_DRIFT)
    watch.time("publish", lambda: publish_snapshot(settings))
    if settings.export.url is not None:
        watch.attempt("export", lambda: export_predictions(settings), None)
    watch.attempt("back up", lambda: back_up_warehouse(settings), None)
    return Night(
        pulled, watch.seconds, watch.warnings, texts, pictures, trained, decision, scored, advised,
        drifted, judged,
    )  # fmt: skip
