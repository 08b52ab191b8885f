import numpy as np

from vkflow.images.scores import (
    Tag,
    category_scores,
    language_accuracy,
    pair_similarities,
    top_tags,
)


def test_scores_are_the_softmax_of_scaled_cosines():
    images = np.array([[1, 0], [0.6, 0.8]], np.float32)
    categories = np.array([[1, 0], [0, 1]], np.float32)

    scores = category_scores(images, categories, logit_scale=10.0)

    expected = np.exp([[10, 0], [6, 8]])
    np.testing.assert_allclose(scores, expected / expected.sum(1, keepdims=True), rtol=1e-5)
    assert scores.dtype == np.float32


def test_large_scales_do_not_overflow():
    unit = np.eye(3, dtype=np.float32)

    np.testing.assert_array_equal(category_scores(unit, unit, logit_scale=1e4), np.eye(3))


def test_a_picture_without_embedding_has_no_scores_and_no_tags():
    images = np.array([[np.nan, np.nan], [0, 1]], np.float32)

    scores = category_scores(images, np.eye(2, dtype=np.float32), logit_scale=2.0)

    assert np.isnan(scores[0]).all()
    assert [len(tags) for tags in top_tags(scores, ["cat", "dog"])] == [0, 2]


def test_top_tags_are_best_first_with_ranks_from_one():
    scores = np.array([[0.25, 0.5, 0.125, 0.125]], np.float32)

    tags = top_tags(scores, ["cat", "dog", "car", "map"], count=3)

    assert tags == [[Tag("dog", 0.5, 1), Tag("cat", 0.25, 2), Tag("car", 0.125, 3)]]


def test_no_pictures_have_no_tags():
    none = np.empty((0, 2), np.float32)

    assert top_tags(category_scores(none, np.eye(2, dtype=np.float32), 1.0), ["a", "b"]) == []


def test_a_text_tower_is_tried_on_the_labels_of_the_categories():
    categories = np.eye(4, dtype=np.float32)
    assert language_accuracy(categories, categories) == 1
    assert language_accuracy(categories[[0, 1, 3, 2]], categories) == 0.5
    assert language_accuracy(np.tile(categories[:1], (4, 1)), categories) == 0.25


def test_similarity_is_the_cosine_of_each_pair():
    texts = np.array([[1, 0], [0.6, 0.8]], np.float32)
    pictures = np.array([[1, 0], [0.8, -0.6]], np.float32)
    np.testing.assert_allclose(pair_similarities(texts, pictures), [1, 0], atol=1e-6)
