"""Pull new posts and counts, and nothing else."""

from prefect import flow

from flows.blocks import with_secrets
from flows.options import RunOptions
from tasks.pulling import pull_posts
from tasks.run_log import logged_run


@flow(name="pull", description=__doc__)
def pull(options: RunOptions = RunOptions()) -> None:  # noqa: B008
    """Store what the source has and the warehouse lacks."""
    settings = with_secrets(options.settings())
    with logged_run(settings, "pull") as (_, counts):
        counts |= {"pull": pull_posts(settings, options.moment()).as_dict()}
