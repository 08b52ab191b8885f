"""Replace the published snapshot by what the warehouse holds now."""

from prefect import flow

from flows.options import RunOptions
from tasks.publishing import publish_snapshot


@flow(name="publish", description=__doc__)
def publish(options: RunOptions = RunOptions()) -> None:  # noqa: B008
    """Publish for people with SQL."""
    publish_snapshot(options.settings())
