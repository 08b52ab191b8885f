"""The night: pull, embed, tag, train, score, advise, publish."""

from dataclasses import asdict

from prefect import flow

from flows.blocks import with_secrets
from flows.options import RunOptions
from flows.stopwatch import Stopwatch
from tasks.advising import advise_authors
from tasks.diary import noted_run
from tasks.drifting import measure_drift
from tasks.exporting import export_predictions
from tasks.pictures import tag_pictures
from tasks.publishing import publish_snapshot
from tasks.pulling import pull_posts
from tasks.scoring import score_posts
from tasks.summary import Night, summarise
from tasks.texts import compute_text_statistics, embed_texts
from tasks.training import decide_on_bundle, train_bundle


@flow(name="nightly", description=__doc__, flow_run_name="nightly", validate_parameters=True)
def nightly(options: RunOptions = RunOptions()) -> str:  # noqa: B008 - Prefect shows it in the form
    """Pull new posts, embed and tag them, train, score and publish; returns the summary."""
    settings, watch = with_secrets(options.settings()), Stopwatch()
    with noted_run(settings, "nightly") as (run_id, counts):
        pulled = watch.time("pull", lambda: pull_posts(settings, options.moment()))
        as_of = options.moment()  # unless it was given: after the counts that were read just now
        watch.time("count words", lambda: compute_text_statistics(settings))
        texts = watch.time("embed texts", lambda: embed_texts(settings))
        pictures = watch.time("tag pictures", lambda: tag_pictures(settings))
        trained = watch.time("train", lambda: train_bundle(settings, as_of))
        decision = decide_on_bundle(settings, trained.model_version, as_of)
        scored = watch.time("score", lambda: score_posts(settings, as_of, run_id))
        advised = watch.time("advise", lambda: advise_authors(settings, as_of))
        drifted = watch.time("drift", lambda: measure_drift(settings, as_of))
        night = Night(pulled, texts, pictures, trained, decision, scored, drifted, watch.seconds)
        counts |= {"pull": pulled.as_dict(), "texts": asdict(texts), "pictures": pictures}
        counts |= {"scores": asdict(scored), "advice": asdict(advised), "seconds": watch.seconds}
        watch.time("publish", lambda: publish_snapshot(settings))
        if settings.export.url is not None:
            watch.time("export", lambda: export_predictions(settings))
        return summarise(settings, night)
