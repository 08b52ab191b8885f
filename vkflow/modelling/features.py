"""The features of a post: only what is known when it is published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from vkflow.modelling.neighbours import Neighbours
from vkflow.modelling.owner_rates import RatePrior, owner_rate_columns
from vkflow.modelling.reducers import Matrix, Reducer
from vkflow.modelling.vectors import as_matrix

NO_CATEGORY = "none"
WINDOWS = (7, 30, 90)
"""Days an owner's recent past is looked at over."""

CATEGORICAL = ("image_category",)
MEMBERS = "owner_members"
TEXT_COMPONENTS = r"^text_\d+$"

TEXT_STATISTICS = {
    "characters": "characters of the text, entities counted as one",
    "words": "words of the text",
    "unique_words": "different words",
    "capital_words": "words in capitals",
    "capital_letter_share": "share of capital letters among letters",
    "stop_words": "Russian and English stop words",
    "numbers": "numbers",
    "emoji": "emoji",
    "urls": "links",
    "hashtags": "hashtags",
    "mentions": "mentions of people and communities",
    "question_marks": "question marks",
    "exclamation_marks": "exclamation marks",
    "line_breaks": "line breaks",
    "first_line_break": "position of the first line break, -1 without one",
    "n_tokens": "tokens the text encoder read",
}


@dataclass(frozen=True)
class FeatureRecipe:
    """All that turns what the warehouse knows of posts into a table of features.

    Attributes:
        priors: belief about owners, by activity.
        categories: of the taxonomy, in the order of the score vectors.
        text_reducer: PCA of text vectors; ``None`` when no training post had one.
        image_reducer: PCA of picture vectors; ``None`` when no training post had one.
        time_zone: of the owners.
        owner_time_zones: of owners that live elsewhere, by id.
        knows_members: whether the source tells how many members owners have.
        neighbours: what posts of the past got; ``None`` when no training post had a text.
    """

    priors: Mapping[str, RatePrior]
    categories: Sequence[str]
    text_reducer: Reducer | None
    image_reducer: Reducer | None
    time_zone: str
    owner_time_zones: Mapping[int, str]
    knows_members: bool = False
    neighbours: Neighbours | None = None

    def describe(self) -> dict[str, str]:
        """What each feature is, by name, in the order of the table."""
        descriptions = dict(TEXT_STATISTICS)
        descriptions |= {
            "hour": "hour of publication in the owner's time zone",
            "weekday": "day of the week there, Monday is 1",
            "is_holiday": "1 on a public holiday of Russia",
            "has_image": "1 with a picture",
            "has_text": "1 with a text",
            "is_ad": "1 if marked as an advert",
            "image_category": "best category of the picture, 'none' without one",
            "text_image_similarity": "cosine of text and picture by the tagger's text tower",
            "owner_posts": "posts of the owner with a mature snapshot by then",
            "owner_views_per_post": "their mean views",
            "owner_days_since_last_post": "days since the owner's last post",
            **{f"owner_posts_{n}d": f"posts of the owner in the last {n} days" for n in WINDOWS},
            **{f"owner_views_{n}d": f"views known of in the last {n} days" for n in WINDOWS},
            "length_beside_usual": "logarithm of the text's length, less its mean for the owner",
            "picture_beside_usual": "has a picture, less the owner's share of posts with one",
        }
        if self.knows_members:
            descriptions[MEMBERS] = "members the owner had when the post appeared"
        for activity in self.priors:
            rate = f"smoothed rate of {activity}"
            descriptions[f"owner_{activity}_logit"] = f"logit of the owner's {rate} so far"
            descriptions[f"owner_{activity}_trend"] = f"that of the last 30 days, less it: {rate}"
        for kind, reducer in (("text", self.text_reducer), ("image", self.image_reducer)):
            for number in range(0 if reducer is None else len(reducer.components)):
                descriptions[f"{kind}_{number:02d}"] = f"principal component {number} of the {kind}"
        for category in self.categories:
            descriptions[f"score_{category}"] = f"score of the picture for {category}"
        if self.neighbours is not None:
            past = "of the past got, logarithm over their owners' rates"
            for name in self.neighbours.columns():
                whose = "the owner's most" if name.startswith("similar_own_") else "the most"
                descriptions[name] = f"what {whose} similar posts {past}"
        return descriptions

    def table(self, posts: pl.DataFrame) -> pl.DataFrame:
        """The features of posts.

        Args:
            posts: rows of ``warehouse.features.selected_features``.

        Returns:
            One row per post: Float32, unknown ones NaN; String for ``CATEGORICAL``.
        """
        columns: dict[str, pl.Series | np.ndarray] = {}
        columns |= owner_rate_columns(posts, self.priors)
        columns |= _components(posts["text_embedding"], self.text_reducer, "text")
        columns |= _components(posts["image_embedding"], self.image_reducer, "image")
        columns |= _scores(posts["image_scores"], self.categories)
        if self.knows_members:
            columns[MEMBERS] = posts[MEMBERS]
        parts = [_plain(posts), self._calendar(posts), pl.DataFrame(columns)]
        table = pl.concat(parts, how="horizontal")
        numeric = pl.all().exclude(CATEGORICAL).cast(pl.Float32).fill_null(float("nan"))
        return self._beside_neighbours(table.with_columns(numeric), posts)

    def with_neighbours(
        self, neighbours: Neighbours, table: pl.DataFrame, keys: pl.DataFrame
    ) -> tuple["FeatureRecipe", pl.DataFrame]:
        """The recipe that knows them, and its table, from a table of this one."""
        recipe = replace(self, neighbours=neighbours)
        return recipe, recipe._beside_neighbours(table, keys)

    def _beside_neighbours(self, table: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
        if self.neighbours is not None:
            lifts = self.neighbours.lifts(text_components(table), keys)
            table = table.hstack(pl.DataFrame(lifts, schema=self.neighbours.columns()))
        return table.select(list(self.describe()))

    def _calendar(self, posts: pl.DataFrame) -> pl.DataFrame:
        local = _local_time(self.time_zone)
        for time_zone in sorted(set(self.owner_time_zones.values())):
            owners = [o for o, zone in self.owner_time_zones.items() if zone == time_zone]
            local = (
                pl.when(pl.col("owner_id").is_in(owners))
                .then(_local_time(time_zone))
                .otherwise(local)
            )
        times = posts.select(local.alias("local"))["local"]
        return pl.DataFrame(
            {
                "hour": times.dt.hour(),
                "weekday": times.dt.weekday(),
                "is_holiday": times.dt.date().is_in(_holidays(times)),
            }
        )


def text_components(table: pl.DataFrame) -> Matrix:
    """Components of the texts in a table of features, float32, shape (posts, components).

    NaN without a text.
    """
    return table.select(pl.col(TEXT_COMPONENTS)).to_numpy()


def _local_time(time_zone: str) -> pl.Expr:
    return pl.col("published_at").dt.convert_time_zone(time_zone).dt.replace_time_zone(None)


def _holidays(times: pl.Series) -> list[date]:
    import holidays

    years = times.dt.year().drop_nulls().unique().to_list()
    return sorted(holidays.country_holidays("RU", years=years)) if years else [date.min]


def _plain(posts: pl.DataFrame) -> pl.DataFrame:
    known_posts = pl.col("history_posts_count").fill_null(0)
    return posts.select(
        *TEXT_STATISTICS,
        "has_image",
        (pl.col("characters") > 0).alias("has_text"),
        "is_ad",
        pl.col("image_category").fill_null(NO_CATEGORY),
        "text_image_similarity",
        known_posts.alias("owner_posts"),
        (pl.col("history_views_count") / known_posts).fill_nan(None).alias("owner_views_per_post"),
        pl.col("history_days_since_last_post").alias("owner_days_since_last_post"),
        *(pl.col(f"history_posts_{n}d_count").alias(f"owner_posts_{n}d") for n in WINDOWS),
        pl.col("history_views_7d_count").alias("owner_views_7d"),
        pl.col("history_recent_views_count").alias("owner_views_30d"),
        pl.col("history_views_90d_count").alias("owner_views_90d"),
        (pl.col("text_length").log1p() - pl.col("history_mean_log_length")).alias(
            "length_beside_usual"
        ),
        (pl.col("has_image") - pl.col("history_mean_has_image")).alias("picture_beside_usual"),
    )


def _components(column: pl.Series, reducer: Reducer | None, kind: str) -> dict[str, np.ndarray]:
    if reducer is None:
        return {}
    vectors, present = as_matrix(column)
    reduced = np.full((len(column), len(reducer.components)), np.nan, dtype=np.float32)
    if len(vectors):
        reduced[present] = reducer.reduce(vectors)
    return {f"{kind}_{number:02d}": reduced[:, number] for number in range(reduced.shape[1])}


def _scores(column: pl.Series, categories: Sequence[str]) -> dict[str, np.ndarray]:
    scores, present = as_matrix(column)
    table = np.full((len(column), len(categories)), np.nan, dtype=np.float32)
    if len(scores):
        table[present] = scores
    return {f"score_{name}": table[:, place] for place, name in enumerate(categories)}
