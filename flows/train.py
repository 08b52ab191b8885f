"""Train a bundle on the labels known by now, judge it, promote it or turn it down."""

from prefect import flow

from flows.options import RunOptions
from tasks.growing import estimate_growth
from tasks.run_log import logged_run
from tasks.training import decide_on_bundle, train_bundle


@flow(name="train", description=__doc__)
def train(options: RunOptions = RunOptions()) -> None:  # noqa: B008
    """Train, unless the same data were learnt from before."""
    settings, as_of = options.settings(), options.moment()
    with logged_run(settings, "train") as (_, counts):
        estimate_growth(settings, as_of)
        trained = train_bundle(settings, as_of)
        decision = decide_on_bundle(settings, trained.model_version, as_of)
        counts |= {"model_version": trained.model_version, "decision": decision}
