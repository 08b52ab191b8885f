"""Compare variants of the model on the same posts; the leaderboard shows who predicts best."""

from prefect import flow
from pydantic import Field

from flows.options import RunOptions
from tasks.experimenting import compare_variants
from tasks.publishing import publish_snapshot
from tasks.run_log import logged_run


class ExperimentOptions(RunOptions):
    """Which variants to compare."""

    variants: list[str] = Field(
        [],
        title="Variants",
        description="Such as 'product' or 'owner rate'. Empty: all of them.",
    )


@flow(name="experiment", description=__doc__)
def experiment(options: ExperimentOptions = ExperimentOptions()) -> str:  # noqa: B008
    """Fit and judge the variants, and publish the leaderboard; returns the experiment's id."""
    settings = options.settings()
    with logged_run(settings, "experiment") as (_, counts):
        experiment_id = compare_variants(settings, options.moment(), options.variants)
        counts |= {"experiment_id": experiment_id}
        publish_snapshot(settings)
    return experiment_id
