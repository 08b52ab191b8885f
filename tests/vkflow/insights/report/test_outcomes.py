import polars as pl

from vkflow.insights.report.model_figures import MIN_FORECASTS, calibration_curves
from vkflow.insights.report.outcomes import biggest_misses


def forecasts(
    counts: list[int], probability: float = 0.01, exposures: int = 10_000
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "owner_id": [-1] * len(counts),
            "post_id": range(len(counts)),
            "activity": ["like"] * len(counts),
            "probability": [probability] * len(counts),
            "rate": [count / exposures for count in counts],
            "exposures": [exposures] * len(counts),
            "count": counts,
        }
    )


def test_misses_are_ordered_in_both_directions() -> None:
    misses = biggest_misses(forecasts([100, 300, 200, 50, 10]))
    assert misses.select("post_id", "direction").rows() == [
        (1, "above"),
        (2, "above"),
        (4, "below"),
        (3, "below"),
    ]


def test_one_like_instead_of_none_is_no_great_miss() -> None:
    rare = forecasts([1], probability=0.00005)
    popular = forecasts([250]).with_columns(pl.col("post_id") + 1)
    assert biggest_misses(pl.concat([rare, popular]))["post_id"][0] == 1


def test_no_forecasts_have_no_misses() -> None:
    assert biggest_misses(forecasts([])).is_empty()


def test_calibration_of_true_probabilities_lies_on_the_line() -> None:
    probabilities = [0.01 + 0.001 * (number % 20) for number in range(200)]
    table = forecasts([round(10_000 * p) for p in probabilities]).with_columns(
        pl.Series("probability", probabilities)
    )
    curve = calibration_curves(table)["like"]
    assert (
        (curve["predicted"] - pl.Series([0.0] * len(curve)) - curve["observed"]).abs() < 1e-6
    ).all()


def test_few_forecasts_give_no_curve() -> None:
    assert calibration_curves(forecasts([5] * (MIN_FORECASTS - 1))) == {}
