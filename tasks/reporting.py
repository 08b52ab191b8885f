"""The morning report: gather what it shows, write the page, tell people where it is."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from tasks.pages import address_of, write_page
from tasks.resembling import hidden_before
from tasks.selected_posts import selected_posts
from tasks.step import run_logger, step, warehouse_of
from vkflow.errors import BadBundleError, MissingModelError
from vkflow.images.taxonomy import load_taxonomy
from vkflow.insights.contributions import group_contributions
from vkflow.insights.report.data import Named, ReportData
from vkflow.insights.report.language import load_language
from vkflow.insights.report.outcomes import biggest_misses
from vkflow.insights.report.page import Sections, make_sections, render
from vkflow.insights.report.posts import SHOWN, highlights
from vkflow.modelling.bundles import Bundle, load_bundle
from vkflow.printing import as_markdown
from vkflow.settings import Settings
from warehouse import features, insights, models, owners, reporting, trials

MAX_POSTS = 100_000
SAMPLED_POSTS = 1_500
"""Of each population: enough for a histogram and for mean contributions."""

NEWEST = timedelta(days=7)
OUTCOMES = timedelta(days=28)
LATEST = "latest.html"


@step("write report")
def write_report(settings: Settings, as_of: datetime) -> Path:
    """Write ``reports/<date>.html`` as of a moment; ``latest.html`` is the newest date's.

    Returns:
        The dated file.
    """
    data = gather(settings, as_of)
    say = load_language(settings.report.language)
    sections = make_sections(data, say)
    file = save_page(settings, as_of, render(data, say, sections))
    _tell(file, data, settings, sections)
    run_logger().info("wrote %s (%.1f MB)", file, file.stat().st_size / 1e6)
    return file


def save_page(settings: Settings, as_of: datetime, page: str) -> Path:
    """Write the page under its date, and as the latest one if no other has a later date."""
    local = as_of.astimezone(ZoneInfo(settings.training.time_zone))
    file = settings.reports_directory / f"{local:%Y-%m-%d}.html"
    write_page(file, page)
    if file == max(settings.reports_directory.glob("[0-9]*.html")):
        write_page(settings.reports_directory / LATEST, page)
    return file


def gather(settings: Settings, as_of: datetime) -> ReportData:
    """Read all that the report shows; what is missing is an empty frame."""
    since = as_of - timedelta(days=settings.training.window_days)
    with warehouse_of(settings, as_of) as connection:
        champion = models.champion_version(connection, as_of)
        bundle = None if champion is None else _bundle_of(settings, champion)
        before, now, contributions = _samples(connection, bundle, as_of)
        forecasts = reporting.read_forecasts(connection, as_of, as_of - OUTCOMES)
        scored_since = as_of - timedelta(days=settings.scoring.window_days)
        tonight = reporting.read_tonight(connection, as_of, scored_since, SHOWN)
        shown = tonight.filter(pl.col("risk_rank") <= SHOWN)
        at_risk = shown.select("owner_id", "post_id").unique()
        return ReportData(
            as_of=as_of,
            time_zone=settings.training.time_zone,
            window_days=settings.training.window_days,
            category_labels=_category_labels(settings),
            media=settings.media,
            nights=reporting.read_nights(connection, as_of),
            arrivals=reporting.read_arrivals(connection, as_of, settings.training.time_zone),
            refused=reporting.read_refused(connection, as_of),
            tonight=tonight,
            similar=hidden_before(connection, at_risk, "text", as_of),
            similar_pictures=hidden_before(connection, at_risk, "picture", as_of),
            posts=reporting.read_labelled_posts(connection, as_of, since, MAX_POSTS),
            model_version=champion,
            skipped={} if bundle is None else bundle.manifest.skipped,
            notes=() if bundle is None else bundle.manifest.notes,
            metrics=models.read_metrics(connection, champion or ""),
            gain_by_night=reporting.read_gain_by_night(connection, as_of),
            contributions=contributions,
            leaderboard=reporting.read_leaderboard(connection, as_of),
            forecasts=forecasts,
            cards=reporting.read_post_cards(connection, biggest_misses(forecasts)),
            drift=reporting.read_drift(connection, as_of),
            before=before,
            now=now,
            insights=insights.read_insights(connection, as_of),
            owners=_names(connection),
            trials=trials.read_trials(connection, as_of),
        )


def _names(connection: duckdb.DuckDBPyConnection) -> dict[int, Named]:
    """What owners are called, by id."""
    known = owners.read_owners(connection).select("owner_id", "name", "address")
    return {owner_id: Named(name, address) for owner_id, name, address in known.iter_rows()}


def _bundle_of(settings: Settings, champion: str) -> Bundle | None:
    """The champion; a lost or damaged one leaves its parts of the report empty."""
    try:
        return load_bundle(settings.models_directory, champion)
    except (MissingModelError, BadBundleError) as error:
        run_logger().warning("the report leaves out what needs the bundle: %s", error)
        return None


def _samples(
    connection: duckdb.DuckDBPyConnection, bundle: Bundle | None, as_of: datetime
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Features and predictions then and now, and what the groups of features contribute."""
    nothing = pl.DataFrame()
    if bundle is None:
        return nothing, nothing, nothing
    manifest = bundle.manifest
    windows = [(as_of - NEWEST, as_of)]
    if manifest.trained_on_from is not None and manifest.trained_on_to is not None:
        windows.append((manifest.trained_on_from, min(manifest.trained_on_to, as_of - NEWEST)))
    sizes = features.select_samples_between(connection, windows, SAMPLED_POSTS)
    chunks = list(selected_posts(connection, manifest))
    if not chunks:
        return nothing, nothing, nothing
    posts = pl.concat(chunks)
    table = bundle.recipe.features.table(posts)
    contributions = group_contributions(bundle, posts, table)
    predictions = {f"p_{name}": values for name, values in bundle.predict(posts, table).items()}
    known = pl.concat([table, pl.DataFrame(predictions)], how="horizontal")
    return known[sizes[0] :], known[: sizes[0]], contributions


def _category_labels(settings: Settings) -> Mapping[str, str]:
    taxonomy = load_taxonomy(settings.images.taxonomy_name)
    if settings.report.language == "ru":
        return taxonomy.labels
    return {name: name.replace("_", " ") for name in taxonomy.names}


def _tell(file: Path, data: ReportData, settings: Settings, sections: Sections) -> None:
    """The artifacts: a link, and the highlights for those who stay in the UI."""
    say = load_language(settings.report.language)
    create_link_artifact(
        link=address_of(settings, file),
        link_text=file.name,
        key="report",
        description=say("contents"),
    )
    rows = highlights(data, say)
    if rows:
        create_table_artifact(rows, key="report-posts", description=say("posts_promise"))
    create_markdown_artifact(
        report_summary(sections), key="report-highlights", description=file.name
    )


def report_summary(sections: Sections) -> str:
    """The lead sentence of every section, as Markdown."""
    return "\n\n".join(
        f"**{each['title']}.** {as_markdown(each['lead'])}" for each in sections.values()
    )
