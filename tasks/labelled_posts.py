"""Labelled posts, read once and kept beside the warehouse while a model learns from them."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl

from tasks.selected_posts import Inputs, read_inputs, selected_posts
from tasks.step import warehouse_of
from vkflow.modelling.training_set import Recipe, TrainingSet, prepare
from vkflow.settings import Settings
from warehouse import features

KINDS = {
    False: "posts are those on walls",
    True: "posts count those in messages too",
    None: "posts are of a kind the source does not say",
}
RECIPE_VERSION = 15
"""Raised whenever the same data would give another bundle, so that the next night trains."""


@dataclass(frozen=True)
class LabelledPosts:
    """Posts with a label, in chunks on disk.

    Attributes:
        inputs: whose vectors they come with.
        outcomes: their labels: owner_id, post_id, activity, exposures, count.
        first_counts: what was known of them first, and when.
        files: the chunks, oldest posts first.
        texts_file: what they said, where that was asked for.
        repost_kinds: how many have reposts that count those in messages too (true), do not
            (false), or do not say (``None``).
    """

    inputs: Inputs
    outcomes: pl.DataFrame
    first_counts: pl.DataFrame
    files: tuple[Path, ...]
    repost_kinds: Mapping[bool | None, int]
    texts_file: Path | None = None

    def texts(self, keys: pl.DataFrame) -> pl.Series:
        """What posts said when they were first seen, in the order of ``keys``.

        Args:
            keys: owner_id, post_id of these posts.
        """
        if self.texts_file is None:
            raise ValueError("texts were not asked for")
        on = ["owner_id", "post_id"]
        texts = pl.read_ipc(self.texts_file)
        return keys.select(on).join(texts, on=on, how="left", maintain_order="left")["text"]

    def read(self) -> Iterator[pl.DataFrame]:
        """The chunks, in order, as often as asked."""
        return (pl.read_ipc(file) for file in self.files)

    def notes(self) -> list[str]:
        """What must be known of what is learnt from them."""
        if len(self.repost_kinds) < 2:
            return []
        kinds = [f"{self.repost_kinds[k]} {KINDS[k]}" for k in KINDS if k in self.repost_kinds]
        return [
            "repost is learnt from a mixture, since VK does not tell every token the same: reposts "
            f"of {', '.join(kinds)}"
        ]

    def prepare(self, settings: Settings) -> tuple[Recipe, TrainingSet]:
        """Split them and compute features."""
        return prepare(
            self.read,
            self.outcomes,
            self.first_counts,
            self.inputs.categories,
            settings.training,
            settings.label_maturity,
        )


def count_labelled_posts(settings: Settings, as_of: datetime) -> int:
    """How many posts of the training window have a label at ``as_of``."""
    with warehouse_of(settings, as_of) as connection:
        return select_training_window(connection, settings, as_of)


def select_training_window(
    connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime
) -> int:
    """Select the posts to learn from at ``as_of``; returns their number."""
    since, most = _since(settings, as_of), settings.training.max_posts
    return features.select_labelled_posts(connection, since, most)


def advice_on_age(
    connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime
) -> str:
    """What to do about posts that are all older than the training window; nothing if none are."""
    newest = features.newest_label(connection)
    if newest is None or newest >= _since(settings, as_of):
        return ""
    then = newest + settings.label_maturity + timedelta(days=1)
    return (
        f". The newest post with counts is of {newest:%Y-%m-%d}, before the training window of "
        f"{settings.training.window_days} days: run as of that time (--as-of {then:%Y-%m-%d}), or "
        f"widen the window (VKFLOW_TRAINING__WINDOW_DAYS)"
    )


def training_fingerprint(settings: Settings, as_of: datetime) -> str:
    """Digest of everything a bundle trained at ``as_of`` would depend on."""
    with warehouse_of(settings, as_of) as connection:
        select_training_window(connection, settings, as_of)
        data = features.selected_fingerprint(connection)
        inputs = read_inputs(connection)
    # Threads do not change a bundle, and the most posts only where there are more.
    unfelt = {"threads", "drift_threshold", "max_posts"}
    parameters = settings.training.model_dump(mode="json", exclude=unfelt)
    parts = (RECIPE_VERSION, parameters, vars(inputs), data)
    text = json.dumps([*parts, settings.label_maturity_hours], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def labelled_posts(
    settings: Settings,
    as_of: datetime,
    *,
    published: tuple[datetime, datetime] | None = None,
    with_texts: bool = False,
) -> Iterator[LabelledPosts]:
    """Copy labelled posts out of the warehouse, so that nobody waits for it while a model learns.

    Args:
        settings: where the warehouse is, how long the training window.
        as_of: only labels known then.
        published: only posts published in [from, to); by default the training window.
        with_texts: whether the texts themselves are wanted, too.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.home, prefix=".training-") as folder:
        with warehouse_of(settings, as_of) as connection:
            if published is None:
                select_training_window(connection, settings, as_of)
            else:
                features.select_labelled_between(connection, *published)
            inputs = read_inputs(connection)
            outcomes = features.read_selected_outcomes(connection)
            first_counts = features.read_first_counts(connection)
            kinds = features.count_repost_kinds(connection)
            texts_file = Path(folder) / "texts.arrow" if with_texts else None
            if texts_file is not None:
                features.read_selected_texts(connection).write_ipc(texts_file)
            files = []
            for number, chunk in enumerate(selected_posts(connection, inputs)):
                file = Path(folder) / f"{number:05d}.arrow"
                chunk.write_ipc(file)
                files.append(file)
        yield LabelledPosts(inputs, outcomes, first_counts, tuple(files), kinds, texts_file)


def _since(settings: Settings, as_of: datetime) -> datetime:
    return as_of - timedelta(days=settings.training.window_days)
