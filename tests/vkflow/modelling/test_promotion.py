import polars as pl
import pytest

from vkflow.modelling.evaluation import METRICS_SCHEMA
from vkflow.modelling.promotion import AGAINST_EARLIER, LONG_RUN_DAYS, decide_promotion


def figures(over_global: float, over_owner: float, champion: tuple | None = None) -> pl.DataFrame:
    rows = [
        ("all", "test", "gain_over_global", over_global, None, None),
        ("all", "test", "gain_over_owner", over_owner, None, None),
        ("all", "test/picture=no", "gain_over_owner", -9.0, None, None),
    ]
    if champion:
        rows.append(("all", "test", "loss_against_champion", *champion))
    return pl.DataFrame(rows, schema=METRICS_SCHEMA, orient="row")


@pytest.mark.parametrize(
    ("metrics", "promoted", "reason"),
    [
        (figures(0.1, 0.05, (-0.01, -0.02, 0.001)), True, "against the champion"),
        (figures(0.1, 0.05, (0.004, -0.02, 0.03)), True, "against the champion"),
        (figures(0.1, 0.05, (0.01, -0.02, 0.03)), False, "worse than the champion"),
        (figures(0.1, 0.05, (0.003, 0.001, 0.0045)), True, "against the champion"),
        (figures(0.1, 0.05, (0.004, 0.001, 0.02)), False, "worse than the champion"),
        (figures(0.1, 0.05, (0.02, 0.01, 0.03)), False, "worse than the champion"),
        (figures(0.1, -0.01, (-0.5, -0.6, -0.4)), False, "does not beat both baselines"),
        (figures(-0.1, 0.01, (-0.5, -0.6, -0.4)), False, "does not beat both baselines"),
        (figures(0.1, 0.0), True, "the first bundle"),
        (figures(0.1, -0.1), False, "does not beat both baselines"),
        (pl.DataFrame(schema=METRICS_SCHEMA), False, "no activity"),
    ],
)
def test_challenger_takes_over_only_with_evidence(
    metrics: pl.DataFrame, promoted: bool, reason: str
) -> None:
    has_champion = "loss_against_champion" in metrics["metric"].to_list()
    decision = decide_promotion(metrics, has_champion=has_champion)
    assert decision.promoted is promoted
    assert reason in decision.reason


@pytest.mark.parametrize(("over_global", "promoted"), [(0.1, True), (-0.02, False)])
def test_a_champion_without_new_posts_to_compare_on_gives_way_to_a_gain_only(
    over_global: float, promoted: bool
) -> None:
    decision = decide_promotion(figures(over_global, 0.001), has_champion=True)
    assert decision.promoted is promoted
    assert ("no post that the champion has not learnt from" in decision.reason) is promoted


def test_many_small_losses_do_not_add_up() -> None:
    """Every night a challenger a little worse than the champion, of which few posts tell."""
    nights, step = 200, 0.002
    losses, champions = [1.0], [0]  # of each bundle; which one is in use after each night
    for night in range(1, nights):
        champion = champions[-1]
        losses.append(losses[champion] * (1 + step))
        against = [losses[night] / losses[champion] - 1]
        earlier = champions[max(night - LONG_RUN_DAYS, 0)]
        if earlier != champion:
            against.append(losses[night] / losses[earlier] - 1)
        table = figures(0.1, 0.05, (against[0], against[0] - 0.01, against[0] + 0.01))
        for loss in against[1:]:  # told by the posts of weeks
            row = ("all", "test", AGAINST_EARLIER, loss, loss - 0.002, loss + 0.002)
            table = table.vstack(pl.DataFrame([row], schema=METRICS_SCHEMA, orient="row"))
        decision = decide_promotion(table, has_champion=True)
        champions.append(night if decision.promoted else champion)
        if not decision.promoted:
            assert "worse than the champion of 28 days ago" in decision.reason
    assert len(set(champions)) > 5
    assert losses[champions[-1]] < 1.005 ** (nights / LONG_RUN_DAYS + 1)
    assert (1 + step) ** nights > 1.4  # what it would have come to
