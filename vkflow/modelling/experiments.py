"""Experiments: every variant on the same posts and split, judged in the same way."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from vkflow.errors import SettingsError, SourceError
from vkflow.modelling.evaluation import ALL, Judged, judge, metrics_table
from vkflow.modelling.registry import gain_over_global, gain_over_owner, log_loss_per_view
from vkflow.modelling.variants import VARIANTS, Contest, Variant
from vkflow.sections import TrainingSettings

METRICS = {
    metric.__name__: metric for metric in (log_loss_per_view, gain_over_global, gain_over_owner)
}
MEBIBYTE_IN_KIB = 1024
REASON_CHARACTERS = 300


def choose_variants(names: Sequence[str]) -> list[Variant]:
    """The variants of these names, all of them for none.

    Raises:
        SettingsError: a name is unknown.
    """
    known = {variant.name: variant for variant in VARIANTS}
    if unknown := [name for name in names if name not in known]:
        raise SettingsError(
            f"there is no variant {', '.join(unknown)}; there are {', '.join(known)}"
        )
    return [known[name] for name in names] or list(VARIANTS)


def run_experiment(
    contest: Contest,
    variants: Sequence[Variant],
    oracle: pl.DataFrame | None,
    *,
    on_progress: Callable[[str], None],
) -> pl.DataFrame:
    """Fit and judge each variant.

    Args:
        contest: the posts, the split, and the parameters of the trees.
        variants: what to compare.
        oracle: the best possible predictions; on sample posts only.
        on_progress: called with the name of the variant that is about to be fitted.

    Returns:
        variant, activity, log_loss (per view, nats), gain_over_global, gain_over_owner, low and
        high (of the latter), oracle_share (null without an oracle), fit_seconds, predict_seconds,
        peak_mb (of the process while fitting and predicting), reason; ``all`` is the mean over
        activities. A variant that cannot be fitted on these posts has one row, ``all``, with
        nothing but the reason.

    Raises:
        SourceError: none of them can be fitted.
    """
    results, failures = [], []
    for variant in variants:
        on_progress(variant.name)
        try:
            figures = _run(contest, variant, oracle)
        except MemoryError:
            raise
        except Exception as error:  # whatever a learner says of data it cannot learn from
            failures.append(_reason(error))
            figures = pl.DataFrame({"activity": [ALL], "reason": failures[-1:]})
        results.append(figures.with_columns(pl.lit(variant.name).alias("variant")))
    if len(failures) == len(variants):
        raise SourceError(f"no variant can be fitted on these posts: {failures[0]}")
    table = pl.concat(results, how="diagonal_relaxed")
    missing = [pl.lit(None, pl.String).alias("reason")] if "reason" not in table.columns else []
    return table.with_columns(missing)


def _run(contest: Contest, variant: Variant, oracle: pl.DataFrame | None) -> pl.DataFrame:
    _forget_peak_memory()
    start = time.perf_counter()
    predict = variant.fit(contest)
    fitted = time.perf_counter()
    predictions = predict()
    cost = {
        "fit_seconds": fitted - start,
        "predict_seconds": time.perf_counter() - fitted,
        "peak_mb": _peak_memory(),
    }
    priors = {name: contest.recipe.features.priors[name] for name in contest.activities}
    judged = judge(contest.data, priors, predictions, oracle)
    costs = [pl.lit(value, pl.Float64).alias(name) for name, value in cost.items()]
    return summarise_judged(judged, contest.settings).drop("posts").with_columns(costs)


def _reason(error: Exception) -> str:
    """The last thing an error says: libraries written in C++ begin with their own files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1]}"[:REASON_CHARACTERS] if lines else repr(error)


def summarise_judged(judged: Mapping[str, Judged], settings: TrainingSettings) -> pl.DataFrame:
    """One row an activity, and ``all`` for their mean.

    Returns:
        activity, posts, log_loss (per view, nats), gain_over_global, gain_over_owner, low and
        high of the latter, oracle_share (null without an oracle).
    """
    table = metrics_table(judged, METRICS, samples=settings.bootstrap_samples, seed=settings.seed)
    owner = table.filter(pl.col("metric") == "gain_over_owner").select("activity", "low", "high")
    names = (*METRICS, "posts", "oracle_share")
    wide = table.filter(pl.col("metric").is_in(names)).pivot(
        on="metric", index="activity", values="value"
    )
    if "oracle_share" not in wide.columns:
        wide = wide.with_columns(pl.lit(None, pl.Float64).alias("oracle_share"))
    return (
        wide.rename({"log_loss_per_view": "log_loss"})
        .with_columns(pl.col("posts").cast(pl.Int64))
        .join(owner, on="activity")
    )


def leaderboard_table(results: pl.DataFrame) -> pl.DataFrame:
    """The mean over activities, best first, failures last: what people look at."""
    overall = results.filter(pl.col("activity") == ALL).drop("activity")
    return overall.sort("log_loss", nulls_last=True)


def _forget_peak_memory() -> None:
    """Linux keeps the peak of a process and lets it be reset; elsewhere it only grows."""
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")


def _peak_memory() -> float:
    """Peak resident memory in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / MEBIBYTE_IN_KIB
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEBIBYTE_IN_KIB
