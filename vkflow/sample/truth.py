"""The truth behind sample posts: only what judges predictions may read it."""

from pathlib import Path

import polars as pl

from vkflow.errors import SourceError
from vkflow.sample.settings import TRUTH_FOLDER


def read_effects(directory: Path) -> pl.DataFrame:
    """The planted effects of the sample in ``directory``.

    Returns:
        activity, kind, level String, effect Float64 (logit scale). Kinds: owner, topic,
        picture, text, hour, weekday, interaction; ``base`` is the logit they add to, ``noise``
        the standard deviation of what they leave unexplained.

    Raises:
        SourceError: the directory holds no sample.
    """
    return _read(directory, "effects")


def read_oracle(directory: Path) -> pl.DataFrame:
    """What could be known of each post of the sample in ``directory``.

    Returns:
        owner_id, post_id Int64, activity String, oracle Float64 (the conversion expected given
        everything observable), realized Float64 (the conversion the counts were drawn from).

    Raises:
        SourceError: the directory holds no sample.
    """
    return _read(directory, "oracle")


def read_latent(directory: Path) -> pl.DataFrame:
    """What each post of the sample in ``directory`` is about, and what its picture shows.

    Returns:
        owner_id, post_id Int64, topic String, picture_category String or null, picture_seed
        Int64 or null.

    Raises:
        SourceError: the directory holds no sample.
    """
    return _read(directory, "posts")


def _read(directory: Path, name: str) -> pl.DataFrame:
    path = directory / TRUTH_FOLDER / f"{name}.parquet"
    if not path.exists():
        raise SourceError(f"{path} is missing: only sample posts have a truth; write a sample.")
    return pl.read_parquet(path)
