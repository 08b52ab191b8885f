"""Experiments: every variant on the same posts and split, judged in the same way."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from vkflow.errors import SettingsError, SourceError
from vkflow.modelling.evaluation import ALL, compare_losses, summarise_judged
from vkflow.modelling.judging import EvaluatedPosts, judge
from vkflow.research.text_baselines import TEXT_BASELINES
from vkflow.research.variants import PRODUCT, VARIANTS, ExperimentSetup, Predictions, Variant
from vkflow.settings.sections import TrainingSettings

AGAINST = "against_product"
MEBIBYTE_IN_KIB = 1024
REASON_CHARACTERS = 300


def choose_variants(names: Sequence[str]) -> list[Variant]:
    """The variants of these names, all of them for none.

    Raises:
        SettingsError: a name is unknown.
    """
    known = {variant.name: variant for variant in (*VARIANTS, *TEXT_BASELINES)}
    if unknown := [name for name in names if name not in known]:
        raise SettingsError(
            f"there is no variant {', '.join(unknown)}; there are {', '.join(known)}"
        )
    return [known[name] for name in names] or list(known.values())


def run_experiment(
    setup: ExperimentSetup,
    variants: Sequence[Variant],
    oracle: pl.DataFrame | None,
    *,
    on_progress: Callable[[str], None],
) -> pl.DataFrame:
    """Fit and judge each variant.

    Args:
        setup: the posts, the split, and the parameters of the trees.
        variants: what to compare.
        oracle: the best possible predictions; on sample posts only.
        on_progress: called with the name of the variant that is about to be fitted.

    Returns:
        variant, activity, log_loss (per view, nats), gain_over_global, gain_over_owner, low and
        high (of the latter), oracle_share (null without an oracle), fit_seconds, predict_seconds,
        peak_mb (of the process while fitting and predicting), reason; where the product is among
        the variants, against_product, the relative difference in log loss to it (above 0 is worse),
        with against_low and against_high, of a paired bootstrap. ``all`` is the mean over
        activities. A variant that cannot be fitted on these posts has one row, ``all``, with
        nothing but the reason.

    Raises:
        SourceError: none of them can be fitted.
    """
    results, failures = [], []
    product: Predictions = {}
    for variant in sorted(variants, key=lambda variant: variant.name != PRODUCT):
        on_progress(variant.name)
        try:
            figures = _run(setup, variant, oracle, product)
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


def _run(
    setup: ExperimentSetup, variant: Variant, oracle: pl.DataFrame | None, product: Predictions
) -> pl.DataFrame:
    _forget_peak_memory()
    start = time.perf_counter()
    predict = variant.fit(setup)
    fitted = time.perf_counter()
    predictions = predict()
    cost = {
        "fit_seconds": fitted - start,
        "predict_seconds": time.perf_counter() - fitted,
        "peak_mb": _peak_memory(),
    }
    priors = {name: setup.recipe.features.priors[name] for name in setup.activities}
    judged = judge(setup.data, priors, predictions, oracle)
    costs = [pl.lit(value, pl.Float64).alias(name) for name, value in cost.items()]
    figures = summarise_judged(judged, setup.settings).drop("posts").with_columns(costs)
    if variant.name == PRODUCT:
        product |= predictions
    if product:
        figures = figures.join(_against(judged, product, setup.settings), on="activity", how="left")
    return figures


def _against(
    judged: Mapping[str, EvaluatedPosts], product: Predictions, settings: TrainingSettings
) -> pl.DataFrame:
    """Relative difference in log loss to the product, by activity, with its interval."""
    samples, seed = settings.bootstrap_samples, settings.seed
    table = compare_losses(judged, product, samples=samples, seed=seed, metric=AGAINST)
    return table.select(
        "activity", pl.col("value").alias(AGAINST), against_low="low", against_high="high"
    )


def _reason(error: Exception) -> str:
    """The last thing an error says: libraries written in C++ begin with their own files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1]}"[:REASON_CHARACTERS] if lines else repr(error)


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
