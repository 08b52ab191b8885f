"""The columns a row of posts may have, and where a file or a table has them."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from vkflow.activities import ACTIVITIES
from vkflow.errors import SettingsError, SourceError

COUNTS = {"view": "views", **{a.dataset_column: a.count_column for a in ACTIVITIES}}
"""Columns with counts, and what the warehouse calls them."""

IDS = ("owner_id", "post_id")
TIMES = ("published_at", "observed_at")
COLUMNS = (*COUNTS, "text", "photo", *IDS, *TIMES, "is_ad")
MESSAGE_CHARACTERS = 200
NOTHING: Mapping[str, Sequence[str]] = {}
MIN_KNOWN = 2
NEAR = 0.8
"""Of difflib: ``publishd_at`` is so near to ``published_at``; ``owner_name`` is no ``owner_id``."""


def find_columns(
    present: Sequence[str],
    mapping: Mapping[str, str],
    required: Sequence[str],
    place: str,
    *,
    is_file: bool = False,
    meant: Mapping[str, Sequence[str]] = NOTHING,
) -> dict[str, str]:
    """Which of the columns that are there holds what.

    Args:
        present: names of the columns that are there.
        mapping: their names by ours, where they differ; an empty one: there is none.
        required: ours that must be there, unless the mapping says that there is none.
        place: what has these columns, for messages.
        is_file: whether they were read from a file that may be no file of posts at all.
        meant: what else ours may be called by mistake; where one is not there, a column with such
            a name, or with nearly its own, is refused instead of left unread.

    Returns:
        Their names by ours.

    Raises:
        SourceError: a column is missing, or is there twice.
    """
    wanted = {ours: mapping.get(ours, ours) for ours in COLUMNS if mapping.get(ours, ours)}
    missing = [
        theirs
        for ours, theirs in wanted.items()
        if theirs not in present and (ours in required or ours in mapping)
    ]
    if missing:
        known = [name for name in present if name in wanted.values()]
        if is_file and len(known) < MIN_KNOWN:
            # It may be anything, and what it begins with a secret.
            raise SourceError(
                f"{place} is no file of posts, or its columns have other names: it lacks "
                f"{', '.join(missing)}"
            )
        there = ", ".join(present)[:MESSAGE_CHARACTERS]
        raise SourceError(f"{place} lacks the columns {', '.join(missing)}; it has {there}")
    found = {ours: theirs for ours, theirs in wanted.items() if theirs in present}
    twice = sorted({theirs for theirs in found.values() if present.count(theirs) > 1})
    if twice:
        raise SourceError(f"{place} has the column {twice[0]} twice; rename one of them")
    _refuse_misspelt(present, found, wanted, meant, place)
    return found


def _refuse_misspelt(
    present: Sequence[str],
    found: Mapping[str, str],
    wanted: Mapping[str, str],
    meant: Mapping[str, Sequence[str]],
    place: str,
) -> None:
    others = {name.strip().lower(): name for name in present if name not in found.values()}
    for ours, names in meant.items():
        if ours in found or ours not in wanted:
            continue
        near = get_close_matches(wanted[ours].lower(), others, 1, NEAR)
        if near := [*near, *(name for name in names if name in others)]:
            raise SourceError(
                f"{place} has no column {wanted[ours]}, but {others[near[0]]}: rename it, if that "
                f"is what it has, or leave it out"
            )


def check_mapping(mapping: Mapping[str, str], setting: str) -> None:
    """Refuse a mapping of columns vkflow does not know.

    Raises:
        SettingsError: it names one.
    """
    unknown = [ours for ours in mapping if ours not in COLUMNS]
    if unknown:
        raise SettingsError(
            f"setting {setting}: there is no column {unknown[0]}; known: {', '.join(COLUMNS)}"
        )
