"""Turn texts and pictures that are in the warehouse into statistics, vectors and tags."""

from dataclasses import asdict

from prefect import flow

from flows.options import RunOptions
from tasks.pictures import tag_pictures
from tasks.run_log import logged_run
from tasks.texts import compute_text_statistics, embed_texts


@flow(name="features", description=__doc__)
def features(options: RunOptions = RunOptions()) -> None:  # noqa: B008
    """Work on every text and picture that has no features yet."""
    settings = options.settings()
    with logged_run(settings, "features") as (_, counts):
        compute_text_statistics(settings)
        counts |= {"texts": asdict(embed_texts(settings)), "pictures": tag_pictures(settings)}
