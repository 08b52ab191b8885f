"""Posts to predictions."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from vkflow.engines.engine import BlamesNoRow, Recruit
from vkflow.modelling.bundles import Bundle, load_bundle

NOTED = ("owner_id", "post_id", "scored_at", "run_id")
"""What a prediction takes over from the row: the moment is that at which features were read."""


class ScoreWorker(BlamesNoRow):
    """Rows of ``warehouse.features.selected_features``, with scored_at and run_id, to predictions.

    One row of the result is a post and activity: owner_id, post_id, activity, probability,
    model_version, scored_at, run_id, predicted_by.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def work(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Probabilities of all activities."""
        return pl.concat(
            rows.select(NOTED).with_columns(
                pl.lit(activity).alias("activity"),
                pl.Series("probability", probabilities, dtype=pl.Float64),
                pl.lit(self._bundle.manifest.model_version).alias("model_version"),
                pl.lit(self._bundle.predicted_by(activity)).alias("predicted_by"),
            )
            for activity, probabilities in self._bundle.predict(rows).items()
        )


@dataclass(frozen=True)
class _ScoreRecruit:
    models_directory: Path
    model_version: str

    def __call__(self) -> ScoreWorker:
        return ScoreWorker(load_bundle(self.models_directory, self.model_version))


def recruit_score_worker(models_directory: Path, model_version: str) -> Recruit:
    """How to make a worker elsewhere; the folder must be there, too."""
    return _ScoreRecruit(models_directory.absolute(), model_version)
