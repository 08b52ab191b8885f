"""Search for better parameters of the trees within a budget of minutes."""

from prefect import flow
from pydantic import Field

from flows.options import RunOptions
from tasks.publishing import publish_snapshot
from tasks.run_log import logged_run
from tasks.searching import search_trees


class SearchOptions(RunOptions):
    """How long to search."""

    minutes: float = Field(
        10,
        gt=0,
        le=24 * 60,
        title="Minutes",
        description="Budget of the trials; the one that is running then is finished.",
    )


@flow(name="search", description=__doc__)
def search(options: SearchOptions = SearchOptions()) -> str:  # noqa: B008
    """Try parameters, judge the best ones, publish the leaderboard; returns what was found."""
    settings = options.settings()
    with logged_run(settings, "search") as (_, counts):
        found = search_trees(settings, options.moment(), options.minutes)
        counts |= {"experiment_id": found.experiment_id, "trials": found.trials}
        publish_snapshot(settings)
    return found.message
