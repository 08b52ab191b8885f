"""Forecast drafts with the champion, knowing what is known now; nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from tasks.draft_contents import Readers, read_contents
from tasks.draft_intake import owners_of
from tasks.resembling import Search, similar_posts
from tasks.step import warehouse_of
from tasks.trial_arms import asked_of_drafts
from vkflow.drafts.comparison import compare_drafts
from vkflow.drafts.draft import Draft, check_drafts
from vkflow.drafts.forecast import LAST_POSTS, Forecast, forecast_drafts
from vkflow.drafts.forecast_report import ForecastReport
from vkflow.drafts.hours import forecast_week, hours_from
from vkflow.drafts.markdown import as_markdown_page, as_title
from vkflow.drafts.moments import zone_of
from vkflow.drafts.nearest import Kind
from vkflow.drafts.words import draft_language
from vkflow.errors import NotReadyError
from vkflow.images.tagger import PictureTagger, load_tagger
from vkflow.insights.sentences import LanguageCode
from vkflow.modelling.bundles import Bundle, Manifest, load_bundle
from vkflow.modelling.vectors import as_matrix
from vkflow.settings import Settings
from vkflow.text.encoders import TextEncoder
from vkflow.text.loading import load_encoder
from vkflow.translation import Message
from warehouse import images, models
from warehouse.drafts import (
    DraftContents,
    draft_features,
    read_customs,
    read_recent_posts,
)
from warehouse.insights import read_insights


@dataclass(frozen=True)
class Desk:
    """All that forecasts drafts at one moment, loaded once.

    Attributes:
        settings: of the home.
        as_of: the moment the forecasts stand at, UTC.
        bundle: the champion of that moment.
        readers: of texts and pictures.
        insights: the newest advice by then.
        remarks: what is missing.
    """

    settings: Settings
    as_of: datetime
    bundle: Bundle
    readers: Readers
    insights: pl.DataFrame
    remarks: tuple[Message, ...]


def open_desk(settings: Settings, as_of: datetime, *, with_pictures: bool = True) -> Desk:
    """Load the champion, the text encoder, and if any draft has a picture the tagger.

    Raises:
        NotReadyError: there is no champion yet.
        MissingModelError: the bundle, the encoder or the tagger is not on this machine.
    """
    with warehouse_of(settings, as_of) as connection:
        version = models.champion_version(connection, as_of)
        if version is None:
            raise NotReadyError(
                "there is no champion yet to forecast drafts with; `vkflow nightly` trains one "
                "once there are enough labelled posts"
            )
        manifest = (bundle := load_bundle(settings.models_directory, version)).manifest
        customs = read_customs(connection, manifest.tagger_id)
        insights = read_insights(connection, as_of)
        stored = images.read_category_embeddings(connection, manifest.tagger_id, manifest.taxonomy)
    encoder, remark = _encoder(settings, manifest)
    tagger, other = _tagger(settings, manifest) if with_pictures else (None, None)
    readers = Readers(
        customs,
        encoder,
        tagger,
        manifest.taxonomy,
        tuple(stored["category"]),
        as_matrix(stored["embedding"])[0],
        settings.images.ranked_tags,
        keeps_pictures=settings.images.tagger != "none",
    )
    remarks = tuple(each for each in (remark, other) if each)
    return Desk(settings, as_of, bundle, readers, insights, remarks)


def _encoder(settings: Settings, manifest: Manifest) -> tuple[TextEncoder, Message | None]:
    """The encoder of the settings; where the champion reads another's vectors, it sees no text."""
    encoder = load_encoder(settings)
    if encoder.encoder_id == manifest.encoder_id:
        return encoder, None
    return encoder, _remark("remark_encoder", now=encoder.encoder_id, champion=manifest.encoder_id)


def _tagger(settings: Settings, manifest: Manifest) -> tuple[PictureTagger | None, Message | None]:
    """The tagger of the settings; ``None`` where the champion reads pictures by another one."""
    if settings.images.tagger == "none":
        return None, _remark("remark_no_pictures")
    tagger = load_tagger(
        settings.images.tagger, device=settings.device, precision=settings.precision
    )
    if tagger.encoder_id == manifest.tagger_id:
        return tagger, None
    return None, _remark("remark_tagger", now=tagger.encoder_id, champion=manifest.tagger_id)


def _remark(key: str, **values: object) -> Message:
    return Message("drafts", key, values)


def draft_rows(desk: Desk, drafts: Sequence[Draft]) -> tuple[pl.DataFrame, list[Message]]:
    """What is known of drafts, as of posts, in their order; and what could not be read.

    Raises:
        DraftError: one of them is no draft.
    """
    contents, remarks = _contents(desk, drafts)
    with warehouse_of(desk.settings, desk.as_of) as connection:
        return _rows(connection, desk, contents), remarks


def _contents(desk: Desk, drafts: Sequence[Draft]) -> tuple[DraftContents, list[Message]]:
    limit = desk.settings.text.max_characters
    check_drafts(drafts, now=desk.as_of, max_characters=limit)
    return read_contents(drafts, desk.readers)


def _rows(
    connection: duckdb.DuckDBPyConnection, desk: Desk, contents: DraftContents
) -> pl.DataFrame:
    manifest = desk.bundle.manifest
    return draft_features(
        connection,
        contents,
        desk.as_of,
        encoder_id=manifest.encoder_id,
        tagger_id=manifest.tagger_id,
        taxonomy=manifest.taxonomy,
        statistics_version=manifest.statistics_version,
    )


def forecast(desk: Desk, drafts: Sequence[Draft]) -> tuple[list[Forecast], list[Message]]:
    """What is to be expected of drafts, in their order; and what could not be read.

    Raises:
        DraftError: one of them is no draft.
    """
    contents, remarks = _contents(desk, drafts)
    with warehouse_of(desk.settings, desk.as_of) as connection:
        rows = _rows(connection, desk, contents)
        recent = _recent(connection, desk, drafts)
    return _forecast(desk, drafts, rows, recent), remarks


def _recent(
    connection: duckdb.DuckDBPyConnection, desk: Desk, drafts: Sequence[Draft]
) -> pl.DataFrame:
    return read_recent_posts(
        connection,
        sorted({draft.owner_id for draft in drafts}),
        as_of=desk.as_of,
        model_version=desk.bundle.manifest.model_version,
        limit=LAST_POSTS,
    )


def _forecast(
    desk: Desk, drafts: Sequence[Draft], rows: pl.DataFrame, recent: pl.DataFrame
) -> list[Forecast]:
    owners = {draft.owner_id for draft in drafts}
    of_owners = {owner_id: recent.filter(owner_id=owner_id) for owner_id in owners}
    return forecast_drafts(desk.bundle, drafts, rows, of_owners, desk.insights, desk.as_of)


def tell_of(
    settings: Settings,
    as_of: datetime,
    drafts: Sequence[Draft],
    *,
    with_week: bool = False,
    search: Search = Search(),  # noqa: B008 - frozen
) -> ForecastReport:
    """Forecast drafts: load what is needed, and say all that is to be said of them.

    Args:
        settings: of the home.
        as_of: the moment the forecasts stand at, UTC.
        drafts: at least one.
        with_week: also forecast each at every hour of the next seven days.
        search: how posts are looked for that they resemble.

    Raises:
        DraftError: one of them is no draft.
        NotReadyError: there is no champion yet.
        MissingModelError: a model is not on this machine.
    """
    check_drafts(drafts, now=as_of, max_characters=settings.text.max_characters)
    desk = open_desk(settings, as_of, with_pictures=any(draft.picture for draft in drafts))
    contents, remarks = _contents(desk, drafts)
    with warehouse_of(settings, as_of) as connection:
        rows = _rows(connection, desk, contents)
        recent = _recent(connection, desk, drafts)
        similar = similar_posts(
            connection, drafts, _vectors(desk, rows), search, as_of, settings.media
        )
        owners = owners_of(connection)
    zones = _zones(settings, drafts)
    weeks = [
        forecast_week(desk.bundle, rows[place], hours_from(as_of, zone))
        for place, zone in enumerate(zones if with_week else ())
    ]
    return ForecastReport(
        tuple(_forecast(desk, drafts, rows, recent)),
        compare_drafts(desk.bundle, drafts, rows),
        tuple(weeks),
        (*desk.remarks, *remarks, *_lacks(desk, rows, is_asked=with_week or len(drafts) > 1)),
        {each.owner_id: each.name for each in owners if each.name},
        zones,
        similar,
        tuple(asked_of_drafts(settings, as_of, _as_published(drafts))),
    )


def _vectors(desk: Desk, rows: pl.DataFrame) -> dict[Kind, tuple[str, pl.Series]]:
    manifest = desk.bundle.manifest
    return {
        "text": (manifest.encoder_id, rows["text_embedding"]),
        "picture": (manifest.tagger_id, rows["image_embedding"]),
    }


def _zones(settings: Settings, drafts: Sequence[Draft]) -> tuple[ZoneInfo, ...]:
    training = settings.training
    return tuple(
        zone_of(draft.owner_id, training.time_zone, training.owner_time_zones) for draft in drafts
    )


def _as_published(drafts: Sequence[Draft]) -> pl.DataFrame:
    """What of drafts tells whether they are as a trial asks."""
    rows = [(d.owner_id, d.at, d.text, d.picture is not None) for d in drafts]
    frame = pl.DataFrame(
        rows, schema=["owner_id", "published_at", "text", "has_image"], orient="row"
    )
    return frame.cast({"published_at": pl.Datetime("us", "UTC")})


def _lacks(desk: Desk, rows: pl.DataFrame, *, is_asked: bool) -> list[Message]:
    """What a champion of an earlier version cannot tell, and which owners it has never seen."""
    remarks = []
    is_new = pl.col("history_posts_count").fill_null(0) <= 0
    if new := rows.filter(is_new)["owner_id"].unique().sort().to_list():
        remarks.append(_remark("remark_new_owners", owners=", ".join(map(str, new))))
    if not desk.bundle.manifest.spreads:
        remarks.append(_remark("remark_no_intervals"))
    if is_asked and all(model.replicates is None for model in desk.bundle.models.values()):
        remarks.append(_remark("remark_no_replicates"))
    return remarks


def markdown_of(report: ForecastReport, language: LanguageCode) -> str:
    """Everything said of drafts, as Markdown."""
    return as_markdown_page(report, draft_language(language))


def title_of(report: ForecastReport, language: LanguageCode) -> str:
    """What tells it from other forecasts in a list, as Markdown."""
    return as_title(report, draft_language(language))
