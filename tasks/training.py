"""Train tonight's bundle, judge it, and decide whether it takes over."""

import platform
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version

import numpy as np
import polars as pl
from prefect.events import emit_event

from tasks.judging import judge_bundle
from tasks.labelled_posts import (
    LabelledPosts,
    advice_on_age,
    count_labelled_posts,
    labelled_posts,
    select_training_window,
    training_fingerprint,
)
from tasks.progress import progress
from tasks.selected_posts import inputs_of, selected_posts
from tasks.step import run_logger, step, warehouse_of
from vkflow.activities import ACTIVITY_NAMES
from vkflow.errors import BadBundleError, MissingModelError
from vkflow.modelling.bundles import (
    Bundle,
    Fitted,
    Manifest,
    Prior,
    load_bundle,
    manifest_json,
    name_champion,
    save_bundle,
)
from vkflow.modelling.metrics import Floats
from vkflow.modelling.promotion import (
    AGAINST_CHAMPION,
    AGAINST_EARLIER,
    LONG_RUN_DAYS,
    decide_promotion,
    drop_weak_models,
)
from vkflow.modelling.spreads import fit_spreads
from vkflow.modelling.training import ActivityModel, Trained, train
from vkflow.modelling.training_set import Recipe, TrainingSet
from vkflow.settings import Settings
from warehouse import models

PROMOTED = "vkflow.model.promoted"

NOTED_PACKAGES = ("catboost", "polars", "numpy", "scikit-learn")
"""Their versions stand in the manifest of a bundle."""


@dataclass(frozen=True)
class Training:
    """Tonight's bundle; no version when there was nothing to train."""

    model_version: str | None = None
    is_new: bool = False
    message: str = ""


@step("train bundle")
def train_bundle(settings: Settings, as_of: datetime) -> Training:
    """Train on the posts whose labels are known at ``as_of``, unless that was done before."""
    n_posts = count_labelled_posts(settings, as_of)
    least = settings.training.min_posts
    if n_posts < least:
        message = f"{n_posts} posts have a label, {least} are needed (training.min_posts)"
        with warehouse_of(settings, as_of) as connection:
            message += advice_on_age(connection, settings, as_of)
        return _logged(Training(None, False, message))
    if n_posts == settings.training.max_posts:
        run_logger().info("learning from a sample of %d posts (training.max_posts)", n_posts)
    fingerprint = training_fingerprint(settings, as_of)
    with warehouse_of(settings) as connection:
        known = models.find_by_fingerprint(connection, fingerprint)
    if known and (settings.models_directory / known).is_dir():
        return _logged(Training(known, False, f"nothing new to learn from since {known}"))
    with labelled_posts(settings, as_of) as posts:
        recipe, data = posts.prepare(settings)
        with progress("activities trained", len(ACTIVITY_NAMES)) as advance:
            trained = train(data, recipe, settings.training, lambda _activity: advance(1))
        trained = drop_weak_models(trained, data, recipe.features.priors, settings.training)
        manifest = _manifest(settings, as_of, fingerprint, posts, recipe, data, trained)
        incumbents = {
            metric: _predict_with(settings, as_of, version, posts)
            for metric, version in _incumbents(settings, as_of).items()
        }
        metrics = judge_bundle(settings, data, recipe, trained, incumbents)
    notes = "".join(f"; {note}" for note in manifest.notes)
    save_bundle(Bundle(manifest, recipe, trained.models), settings.models_directory)
    _write_model(settings, manifest, n_posts, metrics)
    for activity, reason in trained.skipped.items():
        run_logger().warning("no model for %s: %s", activity, reason)
    for note in manifest.notes:
        run_logger().warning(note)
    return _logged(
        Training(manifest.model_version, True, f"trained {manifest.model_version}{notes}")
    )


@step("decide promotion")
def decide_on_bundle(settings: Settings, model_version: str | None, as_of: datetime) -> str:
    """Promote a bundle nobody decided on yet, or turn it down; returns the reason."""
    if model_version is None:
        return "there is no new bundle"
    with warehouse_of(settings) as connection:
        if models.is_decided(connection, model_version):
            return f"{model_version} was decided on before"
        decision = decide_promotion(
            models.read_metrics(connection, model_version),
            has_champion=models.champion_version(connection, as_of) is not None,
        )
        if decision.promoted:
            # Before it is decided, which is done once: a run killed between the two does both anew.
            name_champion(settings.models_directory, model_version)
        models.decide(
            connection,
            model_version,
            promoted=decision.promoted,
            reason=decision.reason,
            decided_at=as_of,
        )
    if decision.promoted:
        emit_event(
            event=PROMOTED,
            resource={"prefect.resource.id": f"vkflow.model.{model_version}"},
            payload={"reason": decision.reason},
        )
        message = f"{model_version} promoted: {decision.reason}"
    else:
        message = f"{model_version} rejected: {decision.reason}"
    run_logger().info(message)
    return message


def _logged(outcome: Training) -> Training:
    run_logger().info(outcome.message)
    return outcome


def _incumbents(settings: Settings, as_of: datetime) -> dict[str, str]:
    """Bundles that tonight's must not be worse than, by the metric that tells."""
    with warehouse_of(settings, as_of) as connection:
        champion = models.champion_version(connection, as_of)
        earlier = models.champion_version(connection, as_of - timedelta(days=LONG_RUN_DAYS))
    found = {AGAINST_CHAMPION: champion, AGAINST_EARLIER: None if earlier == champion else earlier}
    return {metric: version for metric, version in found.items() if version is not None}


def _predict_with(
    settings: Settings, as_of: datetime, version: str, posts: LabelledPosts
) -> dict[str, Floats]:
    """A bundle's probabilities for the same posts, to judge both on; none if it cannot be read."""
    try:
        bundle = load_bundle(settings.models_directory, version)
    except (BadBundleError, MissingModelError) as error:
        run_logger().warning("the new bundle is not compared with %s: %s", version, error)
        return {}
    if posts.inputs == inputs_of(bundle.manifest):
        chunks = [_unlearnt(chunk, bundle) for chunk in posts.read()]
    else:
        with warehouse_of(settings, as_of) as connection:
            select_training_window(connection, settings, as_of)
            found = selected_posts(connection, bundle.manifest)
            chunks = [_unlearnt(chunk, bundle) for chunk in found]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _unlearnt(posts: pl.DataFrame, bundle: Bundle) -> dict[str, Floats]:
    """A bundle's probabilities; NaN for posts it may have learnt from, which judge nothing."""
    until = bundle.manifest.trained_on_to
    predicted = {name: np.full(len(posts), np.nan) for name in bundle.recipe.features.priors}
    if until is None:  # undated posts only: there is no telling which are new
        return predicted
    is_new = (posts["published_at"] > until).fill_null(False)
    if is_new.any():
        for name, probabilities in bundle.predict(posts.filter(is_new)).items():
            predicted[name][is_new.to_numpy()] = probabilities
    return predicted


def _write_model(
    settings: Settings, manifest: Manifest, n_posts: int, metrics: pl.DataFrame
) -> None:
    with warehouse_of(settings) as connection:
        models.write_model(
            connection,
            model_version=manifest.model_version,
            created_at=manifest.created_at,
            trained_on=(manifest.trained_on_from, manifest.trained_on_to),
            n_posts=n_posts,
            manifest=manifest_json(manifest),
            metrics=metrics,
        )


def _manifest(
    settings: Settings,
    as_of: datetime,
    fingerprint: str,
    posts: LabelledPosts,
    recipe: Recipe,
    data: TrainingSet,
    trained: Trained,
) -> Manifest:
    inputs = posts.inputs
    learnt = data.keys["published_at"]
    return Manifest(
        model_version=f"{as_of:%Y%m%d}-{fingerprint[:8]}",
        created_at=as_of,
        fingerprint=fingerprint,
        trained_on_from=learnt.min(),
        trained_on_to=learnt.max(),
        split_sizes=dict(data.keys["split"].value_counts(sort=True).iter_rows()),
        encoder_id=inputs.encoder_id,
        tagger_id=inputs.tagger_id,
        taxonomy=inputs.taxonomy,
        statistics_version=inputs.statistics_version,
        categories=list(inputs.categories),
        priors={
            name: Prior(rate=prior.rate, strength=prior.strength)
            for name, prior in recipe.features.priors.items()
        },
        features=recipe.features.describe(),
        time_zone=recipe.features.time_zone,
        owner_time_zones=dict(recipe.features.owner_time_zones),
        trained={name: _fitted(model) for name, model in trained.models.items()},
        skipped=dict(trained.skipped),
        notes=posts.notes(),
        spreads=fit_spreads(data, recipe.features.priors, trained.predictions),
        parameters=settings.training.model_dump(mode="json", exclude={"threads"}),
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in NOTED_PACKAGES},
        },
    )


def _fitted(model: ActivityModel) -> Fitted:
    return Fitted(
        intercept=model.calibration.intercept,
        slope=model.calibration.slope,
        variance=model.variance,
        penalty=model.penalty,
        owner_share=model.owner_share,
        n_trees=model.trees.tree_count_,
    )
