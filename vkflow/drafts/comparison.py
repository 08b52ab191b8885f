"""Drafts side by side: what differs, and whether what they would get differs evidently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from vkflow.drafts.contrasts import (
    OTHER_CONTENT,
    Contrast,
    UncertainLogits,
    contrast,
    uncertain_logits,
)
from vkflow.drafts.draft import Draft
from vkflow.modelling.bundles import Bundle

COMPARED = ("text", "picture", "at", "owner_id", "is_ad")
SAME_CONTENT = frozenset({"at", "owner_id", "is_ad"})
"""Drafts that differ in these alone say and show the same."""


@dataclass(frozen=True)
class Comparison:
    """One draft beside another.

    Attributes:
        first: place of the one, among all.
        second: place of the other.
        differs: in which of ``COMPARED`` they do.
        contrasts: the second beside the first, by activity; none for a bundle without replicates.
    """

    first: int
    second: int
    differs: tuple[str, ...]
    contrasts: tuple[Contrast, ...]


def compare_drafts(
    bundle: Bundle, drafts: Sequence[Draft], rows: pl.DataFrame
) -> tuple[Comparison, ...]:
    """Every draft beside the first one.

    Args:
        bundle: the champion.
        drafts: in their order.
        rows: what is known of them: ``warehouse.drafts.draft_features``.
    """
    if len(drafts) < 2:
        return ()
    logits = uncertain_logits(bundle, rows)
    return tuple(
        _compare(drafts[0], draft, place, logits) for place, draft in enumerate(drafts[1:], start=1)
    )


def _compare(
    first: Draft, draft: Draft, place: int, logits: Mapping[str, UncertainLogits]
) -> Comparison:
    differs = _differs(first, draft)
    widened = 1.0 if SAME_CONTENT.issuperset(differs) else OTHER_CONTENT
    return Comparison(0, place, differs, tuple(contrast(logits, 0, place, widened=widened)))


def _differs(first: Draft, second: Draft) -> tuple[str, ...]:
    return tuple(name for name in COMPARED if getattr(first, name) != getattr(second, name))
