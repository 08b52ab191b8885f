"""What anybody can see of a post: the inputs of the oracle, all from the post itself."""

from typing import Final

import polars as pl

from vkflow.sample.settings import MOSCOW

LONG: Final = 280
"""Visible characters from which VK shows a text only in part, behind "show more"."""

WEEKDAYS: Final = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip

_EMOJI: Final = r"[\x{1F000}-\x{1FAFF}\x{2300}-\x{23FF}\x{2600}-\x{27BF}\x{2B50}]|&#\d{4,};"
_LINK: Final = r"https?://\S+"

TEXT_STYLES: Final = (
    "empty", "few_words", "long", "emoji", "question", "exclamation", "shouting", "hashtag", "link",
)  # fmt: skip
"""Boolean columns of the observables, and levels of the effects of kind ``text``."""

INTERACTIONS: Final = {
    "recipes & food": (pl.col("topic") == "recipes") & (pl.col("picture") == "food"),
    "football & question": (pl.col("topic") == "football") & pl.col("question"),
}
"""Levels of the effects of kind ``interaction``, and the posts that have them."""


def observe(posts: pl.DataFrame) -> pl.DataFrame:
    """What is seen of each post.

    Args:
        posts: at least owner_id, post_id, published_at, text, topic, picture_category.

    Returns:
        A row a post, in the same order: owner_id, post_id, owner (the id as a String),
        topic (null where the text has no word that could tell it), picture (``none`` without
        one), hour (``"0"`` to ``"23"``) and weekday by Moscow time, one Boolean for each of
        ``TEXT_STYLES`` and of ``INTERACTIONS``.
    """
    local = pl.col("published_at").dt.convert_time_zone(MOSCOW)
    styles = text_styles(posts["text"])
    seen = posts.select(
        "owner_id",
        "post_id",
        owner=pl.col("owner_id").cast(pl.String),
        topic=pl.when(styles["n_words"] > 0).then(pl.col("topic")),
        picture=pl.col("picture_category").fill_null("none"),
        hour=local.dt.hour().cast(pl.String),
        weekday=local.dt.weekday().replace_strict(dict(enumerate(WEEKDAYS, start=1))),
    )
    seen = pl.concat([seen, styles.drop("n_words")], how="horizontal")
    return seen.with_columns(
        holds.fill_null(False).alias(name) for name, holds in INTERACTIONS.items()
    )


def text_styles(texts: pl.Series) -> pl.DataFrame:
    """One Boolean for each of ``TEXT_STYLES``, and ``n_words``, from raw texts."""
    visible = (
        pl.col("raw")
        .str.replace_all("<br>", "\n", literal=True)
        .str.replace_all(r"&#\d+;", "☺")
        .str.replace_all(r"&\w+;", '"')
        .str.replace_all(_LINK, " ")
    )
    frame = texts.alias("raw").to_frame().with_columns(visible=visible)
    words = pl.col("visible").str.count_matches(r"[\p{L}\d]+")
    letters = pl.col("visible").str.count_matches(r"\p{L}")
    capitals = pl.col("visible").str.count_matches(r"\p{Lu}")
    return frame.select(
        n_words=words,
        empty=pl.col("raw") == "",
        few_words=words.is_between(1, 4),
        long=pl.col("visible").str.len_chars() >= LONG,
        emoji=pl.col("raw").str.contains(_EMOJI),
        question=pl.col("visible").str.contains("?", literal=True),
        exclamation=pl.col("visible").str.contains("!", literal=True),
        shouting=(letters >= 8) & (capitals > 0.3 * letters),
        hashtag=pl.col("visible").str.contains(r"#[\p{L}_]"),
        link=pl.col("raw").str.contains(_LINK),
    )
