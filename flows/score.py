"""Score the posts of the window with the champion."""

from dataclasses import asdict

from prefect import flow

from flows.options import RunOptions
from tasks.run_log import logged_run
from tasks.scoring import score_posts


@flow(name="score", description=__doc__)
def score(options: RunOptions = RunOptions()) -> None:  # noqa: B008
    """Predict every post of the window that the champion has not scored."""
    settings = options.settings()
    with logged_run(settings, "score") as (run_id, counts):
        counts |= {"scores": asdict(score_posts(settings, options.moment(), run_id))}
