"""Section 3: what the posts of the window are like, and what they got."""

from typing import Any

import numpy as np
import polars as pl

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.lifts import Reactions, lifts, memberships, reactions
from vkflow.insights.report import exploration_figures as pictures
from vkflow.insights.report.cards import owner_address, owner_name, thumbnail
from vkflow.insights.report.data import ReportData
from vkflow.insights.report.figures import drawn
from vkflow.insights.report.intervals import Measured, interval_rows
from vkflow.insights.report.language import Language
from vkflow.insights.words import emoji_of, hashtags_of, words_of

MIN_POSTS = 15
MIN_OWNERS = 3
MAX_LEVELS = 2_000
SHOWN_WORDS = 4
"""In either direction."""
SHOWN_OWNERS = 12
SHOWN_CATEGORIES = 12
EXAMPLES = 3
MAX_TEXTS = 20_000
"""Newest posts whose texts are read word by word; more would not change a list of six words."""

LIFTED = ("like", "comment", "repost", "hide")
TEXT_BANDS = {"none": (0, 0), "short": (1, 140), "medium": (141, 600), "long": (601, 10**9)}


def exploration_section(data: ReportData, say: Language) -> dict[str, Any]:
    """Figures and lists of the labelled posts; empty without any."""
    posts = data.posts
    section: dict[str, Any] = {"title": say("exploration_title"), "figures": [], "lists": []}
    if len(posts) < MIN_POSTS:
        return section | {"lead": say("exploration_none", least=MIN_POSTS)}
    owners = posts["owner_id"].n_unique()
    observed = {
        name: observed_reactions(posts, name) for name in ACTIVITY_NAMES if _known(posts, name)
    }
    return section | {
        "lead": say(
            "exploration_lead",
            posts=say.plural("posts", len(posts)),
            owners=say.plural("owners", owners),
            days=data.window_days,
        ),
        "figures": _figures(data, say, observed),
        "owners": _owner_table(data, posts, say),
        "lists": _lists(data, say, observed),
        "categories": _categories(data, say, observed),
    }


def observed_reactions(posts: pl.DataFrame, activity: str) -> Reactions:
    """What posts got of an activity beside their owners' usual."""
    exposures = posts["reach" if activity == "hide" else "views"].to_numpy().astype(np.float64)
    counts = posts[activity].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return reactions(posts["owner_id"], counts, exposures)


def _known(posts: pl.DataFrame, activity: str) -> bool:
    return bool((posts[activity].fill_null(0) > 0).any())


def _figures(
    data: ReportData, say: Language, observed: dict[str, Reactions]
) -> list[dict[str, Any]]:
    posts = data.posts
    n_rows = (len(observed) + 2) // 2
    figures = [
        ("distributions", pictures.distributions(posts, list(observed), say), 1.45 * n_rows),
    ]
    if observed:
        correlations = pictures.correlations(posts, list(observed), say)
        figures.append(("correlations", correlations, 3.9))
    if observed and posts["owner_id"].n_unique() > 1:
        figures.append(("owners", pictures.owner_rates(posts, list(observed), say), 3.4))
    dated = posts["published_at"].is_not_null().to_numpy()
    if dated.sum() >= MIN_POSTS and "like" in observed:
        local = data.local(posts["published_at"])
        figures.append(("calendar", pictures.calendar(local, observed["like"], say), 2.7))
    figures.append(("lengths", _length_figure(posts, observed, say), 3.0))
    return [
        {
            "svg": drawn(paint, say(f"{name}_title"), height),
            "title": say(f"{name}_title"),
            "caption": say(f"{name}_caption"),
        }
        for name, paint, height in figures
    ]


def _length_figure(posts: pl.DataFrame, observed: dict[str, Reactions], say: Language) -> Any:
    lengths = posts["characters"]
    levels = [
        [next(band for band, (low, high) in TEXT_BANDS.items() if low <= length <= high)]
        for length in lengths
    ]
    membership, names = memberships(levels)
    measured = {}
    for activity in observed:
        if activity in LIFTED:
            table = lifts(observed[activity], membership, min_posts=MIN_POSTS, min_owners=1)
            measured[activity] = {names[r["level"]]: r for r in table.to_dicts()}
    return pictures.lengths(lengths, list(TEXT_BANDS), measured, say)


def _owner_cell(data: ReportData, say: Language, owner_id: int) -> str | dict[str, str]:
    """The owner's name, a link to its page where that is known."""
    name, address = owner_name(data, say, owner_id), owner_address(data, owner_id)
    return {"text": name, "link": address} if address else name


def _owner_table(data: ReportData, posts: pl.DataFrame, say: Language) -> dict[str, Any]:
    known = [name for name in (*LIFTED, "share_to_message") if _known(posts, name)]
    table = (
        posts.group_by("owner_id")
        .agg(
            pl.len().alias("posts"),
            pl.col("views").sum(),
            *(
                (
                    pl.col(name).sum()
                    / pl.col("reach" if name == "hide" else "views")
                    .filter(pl.col(name).is_not_null())
                    .sum()
                ).alias(name)
                for name in known
            ),
        )
        .sort(["views", "owner_id"], descending=[True, False])
        .head(SHOWN_OWNERS)
    )
    return {
        "head": [say("column_owner"), say("column_posts"), say("column_views")]
        + [say.activity(name) for name in known],
        "rows": [
            [
                _owner_cell(data, say, row["owner_id"]),
                say.number(row["posts"]),
                say.number(row["views"]),
            ]
            + [say.rate(row[name]) for name in known]
            for row in table.to_dicts()
        ],
    }


def _lists(data: ReportData, say: Language, observed: dict[str, Reactions]) -> list[dict[str, Any]]:
    """The words, hashtags and emoji with the strongest lift, by activity."""
    newest = data.posts.head(MAX_TEXTS)
    lists = []
    for kind, read in (("words", words_of), ("hashtags", hashtags_of), ("emoji", emoji_of)):
        membership, names = memberships(read(newest["text"]))
        frequent = np.argsort(-np.asarray(membership.sum(axis=0)).ravel(), kind="stable")[
            :MAX_LEVELS
        ]
        groups = []
        for activity in LIFTED:
            if activity not in observed or not len(frequent):
                continue
            table = lifts(
                _first(observed[activity], len(newest)),
                membership[:, frequent],
                min_posts=MIN_POSTS,
                min_owners=MIN_OWNERS,
            )
            rows = _strongest(table, [names[place] for place in frequent], say)
            if rows:
                groups.append({"title": say.activity(activity), "rows": rows})
        lists.append(
            {
                "title": say(f"{kind}_title"),
                "caption": say(f"{kind}_caption", least=MIN_POSTS),
                "groups": groups,
                "none": say(f"{kind}_none", least=MIN_POSTS),
            }
        )
    return lists


def _first(observed: Reactions, n: int) -> Reactions:
    return Reactions(observed.got[:n], observed.usual[:n], observed.owners[:n])


def _strongest(table: pl.DataFrame, names: list[str], say: Language) -> list[Any]:
    """Those whose interval is furthest from no difference, in both directions."""
    log_low, log_high = pl.col("low").log(), pl.col("high").log()
    # Words of the very same posts say the same; the first of them stands for all.
    table = table.unique(["posts", "lift"], keep="first", maintain_order=True)
    more = table.filter(log_low > 0).sort(log_low, "level", descending=[True, False])
    less = table.filter(log_high < 0).sort(log_high, "level")
    chosen = pl.concat([more.head(SHOWN_WORDS), less.head(SHOWN_WORDS)]).sort(
        "lift", descending=True
    )
    return interval_rows(
        [lift_row(say, names[row["level"]], row) for row in chosen.to_dicts()],
        centre=1.0,
        logarithmic=True,
    )


def lift_row(say: Language, label: str, row: dict[str, Any]) -> Measured:
    """A lift as a row: +18 % (from +9 % to +27 %), with posts and owners."""
    return Measured(
        label=label,
        note=say(
            "lift_note",
            posts=say.plural("posts", row["posts"]),
            owners=say.plural("owners", row["owners"]),
            low=say.percent(row["low"] - 1, signed=True),
            high=say.percent(row["high"] - 1, signed=True),
        ),
        value=row["lift"],
        low=row["low"],
        high=row["high"],
        text=say.percent(row["lift"] - 1, signed=True),
    )


def _categories(data: ReportData, say: Language, observed: dict[str, Reactions]) -> dict[str, Any]:
    """The most frequent picture categories: examples, and how much more likes they get."""
    posts = data.posts
    levels = [[name] if name else [] for name in posts["category"].to_list()]
    membership, names = memberships(levels)
    if not names or "like" not in observed:
        return {"none": say("categories_none"), "cards": []}
    table = lifts(observed["like"], membership, min_posts=5, min_owners=1)
    chosen = (
        table.sort("posts", descending=True).head(SHOWN_CATEGORIES).sort("lift", descending=True)
    )
    rows = interval_rows(
        [lift_row(say, data.category(names[r["level"]]), r) for r in chosen.to_dicts()],
        centre=1.0,
        logarithmic=True,
    )
    return {
        "cards": [
            {"row": row, "pictures": _examples(data, names[level])}
            for row, level in zip(rows, chosen["level"], strict=True)
        ],
        "none": say("categories_none"),
    }


def _examples(data: ReportData, category: str) -> list[str]:
    """The pictures that show the category most clearly, each once."""
    best = (
        data.posts.filter(pl.col("category") == category)
        .sort(["score", "image_hash"], descending=[True, False])
        .unique("image_hash", keep="first", maintain_order=True)
        .head(2 * EXAMPLES)
    )
    found = (thumbnail(data.media, name) for name in best["image_hash"])
    return [picture for picture in found if picture is not None][:EXAMPLES]
