"""Section 2: the posts with the most promise and the most risk tonight."""

from typing import Any

import polars as pl

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.report.cards import Card, card, owner_name, text_start, thumbnail
from vkflow.insights.report.data import ReportData
from vkflow.insights.report.language import Language

SHOWN = 6
SIMILAR_CHARACTERS = 80
PROMISE = ("like", "comment", "repost", "share_to_message", "hide")
RISK = ("hide", "like", "comment")


def posts_section(data: ReportData, say: Language) -> dict[str, Any]:
    """Cards of both kinds; none without posts that wait for their outcome."""
    rows = data.tonight
    return {
        "title": say("posts_title"),
        "lead": say("posts_lead") if len(rows) else say("posts_none"),
        "groups": [
            {
                "title": say(f"posts_{kind}"),
                "caption": say(f"posts_{kind}_caption"),
                "cards": _cards(data, say, rows, f"{kind}_rank", activities),
            }
            for kind, activities in (("promise", PROMISE), ("risk", RISK))
            if len(rows)
        ],
    }


def highlights(data: ReportData, say: Language) -> list[dict[str, str]]:
    """The most promising posts as plain rows, for a table artifact."""
    chosen = data.tonight.filter(pl.col("promise_rank") <= SHOWN)
    rows = []
    for post in chosen.partition_by("promise_rank", maintain_order=True):
        first = post.row(0, named=True)
        shown = card(data, say, first, [])
        figures = dict(post.select("activity", "probability").iter_rows())
        rows.append(
            {say("column_owner"): shown.owner, say("column_text"): shown.text}
            | {say.activity(a): say.rate(figures.get(a)) for a in ACTIVITY_NAMES if a in figures}
        )
    return rows


def _cards(
    data: ReportData, say: Language, rows: pl.DataFrame, rank: str, activities: tuple[str, ...]
) -> list[Card]:
    chosen = rows.filter(pl.col(rank) <= SHOWN).sort(rank)
    return [
        card(
            data,
            say,
            post.row(0, named=True),
            _figures(say, post, activities),
            _similar(data, say, post) if rank == "risk_rank" else (),
            _similar_pictures(data, say, post) if rank == "risk_rank" else (),
        )
        for post in chosen.partition_by(rank, maintain_order=True)
    ]


def _similar(data: ReportData, say: Language, post: pl.DataFrame) -> list[str]:
    """How often posts with similar texts were hidden, nearest first."""
    key = (post["owner_id"][0], post["post_id"][0])
    return [
        say(
            "posts_similar",
            cosine=say.number(each.cosine, 2),
            owner=owner_name(data, say, each.owner_id),
            rate=say.rate(each.rate),
            text=text_start(each.text)[:SIMILAR_CHARACTERS],
        )
        for each in data.similar.get(key, ())
    ]


def _similar_pictures(data: ReportData, say: Language, post: pl.DataFrame) -> list[dict[str, str]]:
    """Similar pictures that are still stored, and how often their posts were hidden."""
    key = (post["owner_id"][0], post["post_id"][0])
    drawn = (
        (each, thumbnail(data.media, each.image_hash))
        for each in data.similar_pictures.get(key, ())
    )
    return [
        {
            "picture": picture,
            "line": say(
                "posts_similar_picture",
                cosine=say.number(each.cosine, 2),
                owner=owner_name(data, say, each.owner_id),
                rate=say.rate(each.rate),
            ),
        }
        for each, picture in drawn
        if picture is not None
    ]


def _figures(
    say: Language, post: pl.DataFrame, activities: tuple[str, ...]
) -> list[dict[str, str]]:
    by_activity = {row["activity"]: row for row in post.to_dicts()}
    figures = []
    for activity in activities:
        row = by_activity.get(activity)
        if row is None:
            continue
        usual = row["usual_rate"]
        figures.append(
            {
                "label": say.activity(activity),
                "value": say.rate(row["probability"]),
                "usual": say("usual", rate=say.rate(usual)) if usual is not None else "",
                "ratio": say.times(row["probability"] / usual) if usual else "",
            }
        )
    return figures
