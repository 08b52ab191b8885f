"""The nearest posts of drafts: on their own walls and on others, by text, picture, or both."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from vkflow.drafts.nearest import (
    Asked,
    Cosines,
    cosines_with,
    nearest_posts,
    with_common_posts,
)

VECTOR = pl.List(pl.Float32)


def given(*vectors: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {"number": range(len(vectors)), "vector": list(vectors)},
        schema_overrides={"vector": VECTOR},
    )


def posts(vectors: dict[tuple[int, int], list[float]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "owner_id": [owner for owner, _ in vectors],
            "post_id": [number for _, number in vectors],
            "vector": list(vectors.values()),
        },
        schema_overrides={"vector": VECTOR},
    )


TURNING = {1: [4.0, 0.0], 2: [1.0, 1.0], 3: [0.0, 2.0], 4: [-1.0, 0.0]}
"""Posts that turn away from [1, 0]."""
WALLS = posts({(owner, number): v for owner in (-2, -1) for number, v in TURNING.items()})


def nearest(asked: Asked, compared: dict[Any, Cosines], own: int = 2, others: int = 2) -> list:
    return nearest_posts(asked, compared, own=own, others=others)


def test_as_many_of_the_own_wall_as_of_others_nearest_first() -> None:
    found = nearest(Asked(0, -1), {"text": cosines_with(given([2, 0]), [WALLS[:3], WALLS[3:]])})
    assert [each[:4] for each in found] == [
        (0, -2, 1, False),
        (0, -1, 1, True),
        (0, -2, 2, False),
        (0, -1, 2, True),
    ]
    assert [each.text_cosine for each in found] == pytest.approx([1, 1, 0.5**0.5, 0.5**0.5], 1e-5)
    assert {each.picture_cosine for each in found} == {None}


def test_only_the_own_wall_where_no_others_are_wanted() -> None:
    found = nearest(
        Asked(0, -1), {"picture": cosines_with(given([2, 0]), [WALLS])}, own=3, others=0
    )
    assert [each[:4] for each in found] == [(0, -1, number, True) for number in (1, 2, 3)]
    assert found[0].picture_cosine == 1 and found[0].text_cosine is None


def test_what_has_no_direction_is_like_nothing() -> None:
    """Nothing, what is no number, and what is larger than any number squared."""
    odd = [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0], [1e30, 0.0]]
    asked = cosines_with(given([1, 0], *odd, [-1, 0]), [WALLS])
    assert asked.rows == {0: 0, 5: 1}
    assert [each.post_id for each in nearest(Asked(5, -1), {"text": asked})] == [4, 4, 3, 3]
    known = posts({(-1, number): vector for number, vector in enumerate([*odd, [0.0, 1.0]])})
    found = nearest(Asked(0, -1), {"text": cosines_with(given([1, 0]), [known])}, own=9)
    assert [each.post_id for each in found] == [4]


def test_a_post_does_not_resemble_itself_but_one_of_its_number_elsewhere() -> None:
    compared = {"text": cosines_with(given([1, 0]), [WALLS])}
    found = nearest(Asked(0, -1, 1), compared, own=1, others=1)
    assert [(each.owner_id, each.post_id) for each in found] == [(-2, 1), (-1, 2)]


def test_posts_that_are_equally_near_come_by_their_numbers_however_many_there_are() -> None:
    """The same text on 600 walls: which three are shown does not depend on how it is computed."""
    vector = np.random.default_rng(0).normal(size=384).tolist()
    same = posts({(owner, 9): vector for owner in range(600, 0, -1)})
    for pieces in ([same], [same[:7], same[7:]]):
        found = nearest(Asked(0, -1), {"text": cosines_with(given(vector), pieces)}, others=3)
        assert [each.owner_id for each in found] == [1, 2, 3]


def test_no_post_at_all_is_found_where_there_is_none() -> None:
    nothing = cosines_with(given([1, 0]), [])
    assert nearest(Asked(0, -1), {"text": nothing}) == []
    both = with_common_posts({"text": nothing, "picture": cosines_with(given([1, 0]), [WALLS])})
    assert nearest(Asked(0, -1), both) == []


def test_by_both_text_and_picture_count_alike_though_pictures_differ_much_more() -> None:
    """Against the definition: cosines in standard deviations, of the posts that have both."""
    generator = np.random.default_rng(1)
    texts = 1 + 0.1 * generator.normal(size=(400, 8))
    pictures = generator.normal(size=(400, 5))
    keys = [(-1 - number % 4, number) for number in range(400)]
    text = posts(dict(zip(keys, texts.tolist(), strict=True)))
    picture = posts(dict(zip(keys, pictures.tolist(), strict=True)))
    asked_text, asked_picture = (1 + 0.1 * generator.normal(size=8)), generator.normal(size=5)
    both = with_common_posts(
        {
            "text": cosines_with(
                given(asked_text.tolist()), [text.filter(pl.col("post_id") < 300)]
            ),
            "picture": cosines_with(
                given(asked_picture.tolist()), [picture.filter(pl.col("post_id") >= 50).reverse()]
            ),
        }
    )
    found = nearest(Asked(0, -9), both, others=5)

    def cosines(vectors: np.ndarray, vector: np.ndarray) -> np.ndarray:
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector)
        return (vectors @ vector / lengths)[50:300]

    of_text, of_picture = cosines(texts, asked_text), cosines(pictures, asked_picture)
    assert of_picture.std() > 10 * of_text.std()
    nearness = of_text / of_text.std() + of_picture / of_picture.std()
    expected = np.argsort(-nearness)[:5]
    assert [each.post_id for each in found] == (expected + 50).tolist()
    assert expected.tolist() != np.argsort(-(of_text + of_picture))[:5].tolist()
    assert [each.text_cosine for each in found] == pytest.approx(of_text[expected], abs=1e-5)
    assert [each.picture_cosine for each in found] == pytest.approx(of_picture[expected], abs=1e-5)
