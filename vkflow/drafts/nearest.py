"""The nearest posts by the cosine of vectors: of texts, of pictures, or of both together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.modelling.metrics import Floats
from vkflow.modelling.neighbours import Matrix
from vkflow.modelling.vectors import as_matrix
from vkflow.threads import one_thread

Kind = Literal["text", "picture"]
Compared = Literal["both", "text", "picture"]
"""What of posts is compared; ``both``: whichever a draft has."""

KINDS: Mapping[Compared, tuple[Kind, ...]] = {
    "both": ("text", "picture"),
    "text": ("text",),
    "picture": ("picture",),
}
KEYS = ["owner_id", "post_id"]
DIGITS = 5
"""Of a cosine: the last bits of a sum depend on what is added beside it, and the same text on two
walls is equally near."""
SHORTEST, LONGEST = 1e-15, 1e15
"""A vector that is shorter, or longer, has no direction."""

Places = NDArray[np.int64]


class Near(NamedTuple):
    """A post that a draft resembles.

    Attributes:
        number: of the draft.
        owner_id: whose post it is.
        post_id: its number there.
        is_own: it is on the wall the draft is for.
        text_cosine: of both texts; ``None``: not compared.
        picture_cosine: of both pictures; ``None``: not compared.
    """

    number: int
    owner_id: int
    post_id: int
    is_own: bool
    text_cosine: float | None
    picture_cosine: float | None


@dataclass(frozen=True)
class Asked:
    """A draft, or a post, whose like is looked for.

    Attributes:
        number: what it is known by.
        owner_id: whose wall is its own.
        post_id: of a post, which does not resemble itself; ``None``: a draft.
    """

    number: int
    owner_id: int
    post_id: int | None = None


@dataclass(frozen=True)
class Cosines:
    """Of the vectors of some drafts with those of all posts.

    Attributes:
        rows: place in ``values`` by number of the draft; none of one whose vector has no direction.
        posts: owner_id, post_id.
        values: float32, shape (rows, posts).
    """

    rows: Mapping[int, int]
    posts: pl.DataFrame
    values: Matrix

    def of_posts(self, places: Places) -> "Cosines":
        """The same of some of the posts."""
        return Cosines(self.rows, self.posts[places], self.values[:, places])


def cosines_with(given: pl.DataFrame, pieces: Iterable[pl.DataFrame]) -> Cosines:
    """Compare every draft with every post.

    Args:
        given: number and vector of the drafts, lists of float32 of one length, at least one.
        pieces: owner_id, post_id and vector of the posts, of the same length; those without a
            direction are left out.
    """
    directions, is_usable = _directions(given["vector"])
    keys = [pl.DataFrame(schema=dict.fromkeys(KEYS, pl.Int64))]
    values = [np.empty((len(directions), 0), dtype=np.float32)]
    with one_thread():
        for piece in pieces:
            others, usable = _directions(piece["vector"])
            keys.append(piece.select(KEYS).filter(pl.Series(usable)))
            values.append((directions @ others.T).round(DIGITS))
    numbers = given["number"].filter(pl.Series(is_usable)).to_list()
    rows = {number: row for row, number in enumerate(numbers)}
    return Cosines(rows, pl.concat(keys), np.concatenate(values, axis=1))


def _directions(column: pl.Series) -> tuple[Matrix, NDArray[np.bool_]]:
    """Vectors at unit length, of those that have a direction, and which these are."""
    vectors, _ = as_matrix(column)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)
    usable = (lengths > SHORTEST) & (lengths < LONGEST)
    return vectors[usable] / lengths[usable, None], usable


def with_common_posts(cosines: Mapping[Kind, Cosines]) -> dict[Kind, Cosines]:
    """Cosines of texts and those of pictures, of the posts that have both, in one order."""
    text, picture = cosines["text"], cosines["picture"]
    common = text.posts.with_row_index("text").join(
        picture.posts.with_row_index("picture"), on=KEYS, how="inner"
    )
    text_places, picture_places = (common[kind].to_numpy() for kind in KINDS["both"])
    return {"text": text.of_posts(text_places), "picture": picture.of_posts(picture_places)}


def nearest_posts(
    asked: Asked, compared: Mapping[Kind, Cosines], *, own: int, others: int
) -> list[Near]:
    """The nearest posts of one draft, on its own wall and on others, the nearest first.

    By two kinds of vectors together: by how many standard deviations both cosines lie above those
    of all posts, since cosines of pictures vary several times as much as those of texts, and a
    plain mean would hardly read the text. The macro ``similar_to`` of the published snapshot does
    the same.

    Args:
        asked: the draft.
        compared: cosines of one kind, or of both with the same posts; each has the draft.
        own: how many posts of its own wall.
        others: how many of other walls.
    """
    cosines = {kind: each.values[each.rows[asked.number]] for kind, each in compared.items()}
    posts = next(iter(compared.values())).posts
    owners, numbers = (posts[name].to_numpy() for name in KEYS)
    nearness = _together(list(cosines.values()))
    is_own = owners == asked.owner_id
    is_itself = is_own & (numbers == asked.post_id)

    def first(places: Places, most: int) -> Places:
        places = _at_least_as_near(nearness, places, most)
        order = np.lexsort((numbers[places], owners[places], -nearness[places]))
        return places[order][:most]

    of_own = first(np.flatnonzero(is_own & ~is_itself), own)
    of_others = first(np.flatnonzero(~is_own), others)
    return [
        Near(
            asked.number,
            int(owners[place]),
            int(numbers[place]),
            bool(is_own[place]),
            *(float(cosines[kind][place]) if kind in cosines else None for kind in KINDS["both"]),
        )
        for place in first(np.concatenate([of_own, of_others]), own + others)
    ]


def _together(cosines: Sequence[Matrix]) -> Floats:
    """Of one kind as they are; of two in standard deviations, 0 where all are alike."""
    if len(cosines) == 1:
        return cosines[0].astype(np.float64)
    total = np.zeros(len(cosines[0]))
    for each in cosines:
        deviation = each.std(dtype=np.float64) if len(each) else 0.0
        if deviation > 0:
            total += each / deviation
    return total


def _at_least_as_near(nearness: Floats, places: Places, most: int) -> Places:
    """The nearest of some places, and those that are as near as the last one."""
    if len(places) <= most or most == 0:
        return places
    last = np.partition(nearness[places], -most)[-most]
    near: Places = places[nearness[places] >= last]
    return near
