from dataclasses import replace
from pathlib import Path

import polars as pl

from tests.fakes.report import empty_report
from vkflow.insights.report.language import load_language
from vkflow.insights.report.model import model_section

METRICS = pl.DataFrame(
    [
        ("all", "test", "gain_over_owner", 0.05, 0.02, 0.08),
        ("all", "test", "gain_over_global", 0.09, 0.05, 0.12),
    ],
    ["activity", "split", "metric", "value", "low", "high"],
    orient="row",
)


def test_the_report_says_how_much_the_owner_baseline_knows(tmp_path: Path) -> None:
    """On the first days it knows nothing, and a gain over it is one over the global rate."""
    data = replace(empty_report(tmp_path), model_version="m1", metrics=METRICS)
    now = pl.DataFrame({"owner_posts": [0, 0, 12, 30]})
    lead = model_section(replace(data, now=now), load_language("en"))["lead"].replace("\u00a0", " ")
    assert "the baseline knows 6 earlier posts" in lead and "of 50 % of that week's posts" in lead
    assert "baseline knows" not in model_section(data, load_language("en"))["lead"]
    assert "50 %" in model_section(replace(data, now=now), load_language("ru"))["lead"].replace(
        "\u00a0", " "
    )
