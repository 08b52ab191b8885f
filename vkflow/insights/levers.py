"""What an author controls in a post, and which level of it each post has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

LONG_TEXT: Final = 280
"""Visible characters from which VK shows a text only in part, behind "show more"."""
FEW_WORDS: Final = 4
CAPITALS_SHARE: Final = 0.3
"""Share of capital letters from which a text counts as written in capitals."""
CAPITALS_CHARACTERS: Final = 8

HOURS: Final = {"0-5": 6, "6-9": 10, "10-13": 14, "14-17": 18, "18-21": 22, "22-23": 24}
"""Bands of the hour of publication, and where each ends."""
_BAND_OF_HOUR: Final = {
    hour: next(band for band, end in HOURS.items() if hour < end) for hour in range(24)
}
WEEKDAYS: Final = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip

LEVERS: Final = (
    "picture_category",
    "has_picture",
    "text_length",
    "emoji",
    "question",
    "capitals",
    "hashtags",
    "links",
    "hour",
    "weekday",
)

IMPLIED: Final[Mapping[str, tuple[str, ...]]] = {"has_picture": ("picture_category",)}
"""Levers that another one decides: what a picture shows cannot stay when the picture goes."""

PRESUPPOSED: Final[Mapping[str, str]] = {"expand": "text_length", "open_photo": "has_picture"}
"""By activity the lever it cannot do without: only a long text is cut and can be expanded, only a
post with a picture has one to open. That a long text raises expanding is how VK works, no advice,
so such a pair is not judged."""

ABSENT: Final = "no"
"""The level of a yes-or-no lever that is not reported: it is the other side of ``yes``."""


@dataclass(frozen=True)
class Lever:
    """One lever of n posts.

    Attributes:
        name: one of ``LEVERS``.
        levels: names of its levels.
        codes: int64, shape (n,): the place of a post's level in ``levels``; -1 where the lever
            does not apply, such as a question in a post without a text.
    """

    name: str
    levels: tuple[str, ...]
    codes: NDArray[np.int64]

    def indicators(self) -> NDArray[np.float64]:
        """1 where a post has a level, float64, shape (n, levels)."""
        return np.asarray(self.codes[:, np.newaxis] == np.arange(len(self.levels)), np.float64)


def read_levers(
    posts: pl.DataFrame, time_zone: str, owner_time_zones: Mapping[int, str]
) -> dict[str, pl.Series]:
    """The level of every post for every lever.

    A text lever applies to posts with a text, its length to those with words (emoji alone have
    neither length nor topic), and ``has_picture`` too: a post with neither text
    nor picture does not exist. A picture category applies to posts with a picture that has one,
    hour and weekday to posts with a date.

    Args:
        posts: rows of ``warehouse.features.selected_features``.
        time_zone: where the owners live.
        owner_time_zones: of owners that live elsewhere, by id.

    Returns:
        String or null, by name of the lever, in the order of ``LEVERS``.
    """
    written = pl.col("characters").fill_null(0) > 0
    visible = pl.col("characters") - 3 * pl.col("line_breaks")  # "<br>" is one character to see
    length = (
        pl.when(visible >= LONG_TEXT)
        .then(pl.lit("long"))
        .when(pl.col("words") <= FEW_WORDS)
        .then(pl.lit("few_words"))
        .otherwise(pl.lit("short"))
    )
    shouted = (pl.col("capital_letter_share") > CAPITALS_SHARE) & (
        pl.col("characters") >= CAPITALS_CHARACTERS
    )
    local = local_time(time_zone, owner_time_zones)
    levels = {
        "picture_category": pl.col("image_category"),
        "has_picture": pl.when(written).then(_yes(pl.col("has_image"))),
        "text_length": pl.when(pl.col("words") > 0).then(length),
        **{
            lever: pl.when(written).then(_yes(pl.col(statistic) > 0))
            for lever, statistic in {"emoji": "emoji", "question": "question_marks"}.items()
        },
        "capitals": pl.when(written).then(_yes(shouted)),
        "hashtags": pl.when(written).then(_yes(pl.col("hashtags") > 0)),
        "links": pl.when(written).then(_yes(pl.col("urls") > 0)),
        "hour": local.dt.hour().replace_strict(_BAND_OF_HOUR, return_dtype=pl.String),
        "weekday": local.dt.weekday().replace_strict(
            dict(enumerate(WEEKDAYS, start=1)), return_dtype=pl.String
        ),
    }
    return posts.select(levels[lever].alias(lever) for lever in LEVERS).to_dict()


def as_lever(name: str, levels: pl.Series) -> Lever:
    """A lever with its levels numbered, in alphabetical order."""
    names = tuple(sorted(levels.drop_nulls().unique().to_list()))
    codes = levels.replace_strict(
        dict(zip(names, range(len(names)), strict=True)), default=None, return_dtype=pl.Int64
    )
    return Lever(name, names, codes.fill_null(-1).to_numpy().astype(np.int64))


def local_time(time_zone: str, owner_time_zones: Mapping[int, str]) -> pl.Expr:
    """When a post was published by its owner's clock, without a zone; null without a date."""
    local = _clock(time_zone)
    for zone in sorted(set(owner_time_zones.values())):
        owners = [owner for owner, its in owner_time_zones.items() if its == zone]
        local = pl.when(pl.col("owner_id").is_in(owners)).then(_clock(zone)).otherwise(local)
    return local


def _clock(time_zone: str) -> pl.Expr:
    return pl.col("published_at").dt.convert_time_zone(time_zone).dt.replace_time_zone(None)


def _yes(holds: pl.Expr) -> pl.Expr:
    return pl.when(holds).then(pl.lit("yes")).otherwise(pl.lit(ABSENT))
