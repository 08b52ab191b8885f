import numpy as np
import pytest

from tests.fakes.training import SETTINGS, Prepared
from vkflow.modelling.linear_stage import LinearStage, fit_linear_stage
from vkflow.modelling.metrics import logits
from vkflow.modelling.owner_rates import smoothed_rates
from vkflow.modelling.splits import TRAIN
from vkflow.modelling.trees import (
    OWNER_SHARE,
    Learner,
    fit_trees,
    make_learners,
    offset_of,
    refit_trees,
    tree_logits,
)


@pytest.fixture(scope="module")
def stage(prepared: Prepared) -> LinearStage:
    recipe, data = prepared
    return fit_linear_stage(data, recipe, SETTINGS.min_posts, 1)


@pytest.fixture(scope="module")
def learners(prepared: Prepared, stage: LinearStage) -> tuple[Learner, Learner]:
    recipe, data = prepared
    return make_learners(data, "like", stage, recipe.features.priors["like"], SETTINGS)


def test_the_second_learner_begins_with_the_owners_rate(
    prepared: Prepared, stage: LinearStage, learners: tuple[Learner, Learner]
) -> None:
    recipe, data = prepared
    first, second = learners
    np.testing.assert_array_equal(first.offset, stage.offsets["like"])
    rates = smoothed_rates(data.history, "like", recipe.features.priors["like"])
    np.testing.assert_array_equal(second.offset, logits(rates))
    together = (1 - OWNER_SHARE) * first.offset + OWNER_SHARE * second.offset
    np.testing.assert_allclose(offset_of(learners), together)


def test_the_second_learner_believes_posts_by_their_views(
    prepared: Prepared, learners: tuple[Learner, Learner]
) -> None:
    data = prepared[1]
    rows = data.rows("like", TRAIN)
    views, weights = data.exposures["like"][rows], learners[1].weights[rows]
    assert (np.diff(weights[np.argsort(views)]) >= 0).all()
    most = views >= np.quantile(views, 0.99)
    assert len(np.unique(weights[most])) == 1
    assert len(np.unique(views[most])) > 1


def test_trees_of_both_learners_add_up_to_one_model(
    prepared: Prepared, learners: tuple[Learner, Learner]
) -> None:
    data = prepared[1]
    both = fit_trees(data, "like", learners, SETTINGS)
    alone = [fit_trees(data, "like", (learner,), SETTINGS) for learner in learners]
    assert both.sizes == (alone[0].sizes[0], alone[1].sizes[0])
    expected = sum(tree_logits(each.model, data.features) for each in alone)
    np.testing.assert_allclose(tree_logits(both.model, data.features), expected, atol=1e-9)


def test_learning_again_keeps_the_number_of_trees(
    prepared: Prepared, learners: tuple[Learner, Learner]
) -> None:
    data = prepared[1]
    again = refit_trees(data, "like", learners, SETTINGS, (7, 11))
    assert again.sizes == (7, 11)
    assert again.model.tree_count_ == 18
    assert again.model.feature_names_ == data.features.columns
