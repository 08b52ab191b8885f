"""Where a draft stands among its owner's last posts, and what is usual there."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from vkflow.drafts.draft import Draft
from vkflow.drafts.forecast import _ranks, usual_rates
from vkflow.modelling.owner_rates import RatePrior

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def last_posts(*likes: float) -> pl.DataFrame:
    """Forecasts of likes, and of comments that are all higher."""
    rows = [("like", rate) for rate in likes] + [("comment", 0.9)] * len(likes)
    return pl.DataFrame(
        rows, schema={"activity": pl.String, "probability": pl.Float64}, orient="row"
    )


@pytest.mark.parametrize(
    ("probability", "rank"), [(0.6, 1), (0.5, 1), (0.2, 3), (0.1, 3), (0.01, 4)]
)
def test_a_draft_stands_behind_the_posts_with_a_higher_forecast(
    probability: float, rank: int
) -> None:
    recent = {-7: last_posts(0.5, 0.3, 0.1)}
    found = _ranks("like", np.array([probability]), [Draft("draft 1", -7, NOW, "a")], recent)
    assert found == [(rank, 4)]


def test_without_last_posts_there_is_no_rank() -> None:
    drafts = [Draft("draft 1", -7, NOW, "a")]
    assert _ranks("like", np.array([0.1]), drafts, {-7: last_posts()}) == [(None, 0)]


def test_usual_is_what_the_owner_got_so_far_drawn_to_the_rate_of_all() -> None:
    recipe = SimpleNamespace(features=SimpleNamespace(priors={"like": RatePrior(0.02, 100)}))
    bundle: Any = SimpleNamespace(recipe=recipe)
    rows = pl.DataFrame({"history_like_count": [None, 5], "history_like_exposures": [None, 100]})
    assert usual_rates(bundle, rows)["like"].tolist() == pytest.approx([0.02, 0.035])
