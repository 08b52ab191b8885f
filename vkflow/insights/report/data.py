"""Everything a report is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from vkflow.storage import Storage


@dataclass(frozen=True)
class Named:
    """What an owner is called, and the address of its page, where they are known."""

    name: str | None = None
    address: str | None = None


@dataclass(frozen=True)
class SimilarHide:
    """A post with a similar text, or picture, and how often it was hidden.

    Attributes:
        owner_id: whose it is.
        text: what it said.
        image_hash: of its picture; ``None`` without one.
        cosine: of both vectors.
        rate: of hides, at 30 days.
    """

    owner_id: int
    text: str
    image_hash: str | None
    cosine: float
    rate: float


@dataclass(frozen=True)
class ReportData:
    """Frames as ``warehouse.reporting`` reads them, each of which may be empty.

    Attributes:
        as_of: the moment the report stands at.
        time_zone: of the owners; all times are shown in it.
        window_days: how far back the exploration looks.
        category_labels: what picture categories are called, by name.
        media: where pictures are.
        nights: the last nightly runs: night, status, seconds, counts.
        arrivals: day, posts.
        refused: source, reason, rows.
        tonight: scored posts with promise or risk, a row per activity.
        posts: labelled posts of the window with their counts.
        model_version: the champion; ``None`` when there is none.
        skipped: activities without a model of their own, and why.
        metrics: the champion's, on its test window.
        gain_by_night: gains of the last bundles over the owner rate.
        contributions: activity, group, effect.
        leaderboard: the newest experiment.
        forecasts: forecasts beside their outcomes.
        cards: owner_id, post_id, published_at, text, image_hash, source of missed posts.
        drift: kind, name, stability_index.
        before: a sample of what the champion learnt from: features and probabilities.
        now: the same of the newest posts.
        insights: rows of the table ``insights``.
        owners: who owners are, by id; those that are not there go by their id.
        notes: what must be known of what the champion learnt from.
        similar: what the texts of the posts at risk resemble, by owner and post id.
        similar_pictures: likewise what their pictures resemble.
        trials: as they stood then: ``warehouse.trials.read_trials``.
    """

    as_of: datetime
    time_zone: str
    window_days: int
    category_labels: Mapping[str, str]
    media: Storage
    nights: pl.DataFrame
    arrivals: pl.DataFrame
    refused: pl.DataFrame
    tonight: pl.DataFrame
    posts: pl.DataFrame
    model_version: str | None
    skipped: Mapping[str, str]
    metrics: pl.DataFrame
    gain_by_night: pl.DataFrame
    contributions: pl.DataFrame
    leaderboard: pl.DataFrame
    forecasts: pl.DataFrame
    cards: pl.DataFrame
    drift: pl.DataFrame
    before: pl.DataFrame
    now: pl.DataFrame
    insights: pl.DataFrame
    owners: Mapping[int, Named] = field(default_factory=dict)
    notes: Sequence[str] = ()
    similar: Mapping[tuple[int, int], Sequence[SimilarHide]] = field(default_factory=dict)
    similar_pictures: Mapping[tuple[int, int], Sequence[SimilarHide]] = field(default_factory=dict)
    trials: pl.DataFrame = field(default_factory=pl.DataFrame)

    def local(self, moments: pl.Series) -> pl.Series:
        """Moments in the time zone of the owners."""
        return moments.dt.convert_time_zone(self.time_zone)

    def category(self, name: str) -> str:
        """What people call a picture category."""
        return self.category_labels.get(name, name)
