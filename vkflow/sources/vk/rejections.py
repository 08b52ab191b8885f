"""What could not be taken, as rows of the quarantine."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from vkflow.sources.source import REJECTED_SCHEMA


@dataclass(frozen=True)
class Rejection:
    """One thing that was left out.

    Attributes:
        key: an owner as in the settings, a post as ``owner_post``, or a part of a post.
        reason: why.
        payload: what came, cut.
    """

    key: str
    reason: str
    payload: str | None = None


def rejected_frame(rejections: Sequence[Rejection]) -> pl.DataFrame:
    """Rows of ``REJECTED_SCHEMA``."""
    rows = [(each.key, each.reason, each.payload) for each in rejections]
    return pl.DataFrame(rows, schema=dict(REJECTED_SCHEMA), orient="row")
