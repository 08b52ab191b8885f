"""Words of texts as coordinates."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from vkflow.modelling.words import Words, fit_words

TOPICS = ("хоккей матч гол победа", "пирог рецепт мука духовка")


def written(n_posts: int = 60) -> pl.Series:
    """Texts of two topics, in turns, each with a word of its own."""
    return pl.Series("text", [f"{TOPICS[n % 2]} своё{n}" for n in range(n_posts)])


def fitted() -> Words:
    words = fit_words(written())
    assert words is not None
    return words


def test_texts_with_common_words_lie_together() -> None:
    hockey, other_hockey, pie = fitted().reduce(
        pl.Series(["Матч! ПОБЕДА, хоккей", "гол, матч: хоккей", "рецепт: пирог"])
    )
    assert hockey @ other_hockey > 0.5
    assert abs(hockey @ pie) < 0.05


def test_words_of_few_posts_are_not_known() -> None:
    words = fitted()
    assert len(words.buckets) == 14  # eight words, six pairs; none that a single post has
    np.testing.assert_array_equal(words.reduce(pl.Series(["своё1", "", None])), 0)


def test_a_rare_word_tells_more_than_one_that_all_have() -> None:
    texts = pl.Series([f"{topic} группа" for topic in written()])
    words = fit_words(texts)
    assert words is not None
    assert words.weights.min() == 1  # that of "группа"
    rare, common = words.reduce(pl.Series(["гол", "группа группа группа гол"]))
    assert rare @ common > 0.5


def test_rows_are_those_of_each_text_alone() -> None:
    words, texts = fitted(), written(9)
    single = np.concatenate([words.reduce(texts[n : n + 1]) for n in range(9)])
    np.testing.assert_array_equal(single, words.reduce(texts))


def test_the_same_texts_give_the_same_words() -> None:
    first, second = fitted(), fitted()
    np.testing.assert_array_equal(first.components, second.components)


def test_where_there_is_nothing_to_read_there_are_no_words() -> None:
    assert fit_words(pl.Series([None, "", "один", "два"], dtype=pl.String)) is None
    assert fit_words(pl.Series([], dtype=pl.String)) is None


def test_a_bundle_keeps_no_words_of_anybody() -> None:
    assert {array.dtype.kind for array in vars(fitted()).values()} == {"i", "f"}


@given(st.lists(st.text(max_size=50) | st.none(), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_any_text_has_finite_coordinates(texts: list[str | None]) -> None:
    found = fitted().reduce(pl.Series(texts, dtype=pl.String))
    assert found.shape == (len(texts), fitted().components.shape[0])
    assert np.isfinite(found).all()
    assert (np.linalg.norm(found, axis=1) < 1 + 1e-5).all()
