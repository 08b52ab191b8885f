"""Which vectors a bundle reads, and the selected posts with them."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import polars as pl

from vkflow.modelling.bundles import Manifest
from vkflow.text.statistics import VERSION as STATISTICS_VERSION
from warehouse import constants, features, images

CHUNK_POSTS = 20_000


@dataclass(frozen=True)
class Inputs:
    """Which vectors and statistics a bundle is made from; its manifest says the same."""

    encoder_id: str
    tagger_id: str
    taxonomy: str
    categories: tuple[str, ...]
    statistics_version: int = STATISTICS_VERSION


def read_inputs(connection: duckdb.DuckDBPyConnection) -> Inputs:
    """The encoder, tagger and taxonomy the last features step worked with."""
    encoder_id = constants.read_constant(connection, "encoder_id") or "none"
    tagger_id = constants.read_constant(connection, "tagger_id") or "none"
    taxonomy = constants.read_constant(connection, "taxonomy") or "none"
    stored = images.read_category_embeddings(connection, tagger_id, taxonomy)
    return Inputs(encoder_id, tagger_id, taxonomy, tuple(stored["category"]))


def inputs_of(manifest: Manifest) -> Inputs:
    """What a bundle was made from."""
    return Inputs(
        manifest.encoder_id,
        manifest.tagger_id,
        manifest.taxonomy,
        tuple(manifest.categories),
        manifest.statistics_version,
    )


def selected_posts(
    connection: duckdb.DuckDBPyConnection,
    inputs: Inputs | Manifest,
    chunk_posts: int = CHUNK_POSTS,
) -> Iterator[pl.DataFrame]:
    """The posts of the last ``select_…`` call, with all that features are made of, in chunks."""
    return features.selected_features(
        connection,
        encoder_id=inputs.encoder_id,
        tagger_id=inputs.tagger_id,
        taxonomy=inputs.taxonomy,
        statistics_version=inputs.statistics_version,
        chunk_posts=chunk_posts,
    )
