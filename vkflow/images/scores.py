"""From embeddings to categories: CLIP's zero-shot classification (arXiv:2103.00020, 3.1.2)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Tag(NamedTuple):
    """A category of a picture: its share of the softmax (0 to 1) and its rank, from 1."""

    category: str
    score: float
    rank: int


def category_scores(
    image_embeddings: Floats, category_embeddings: Floats, logit_scale: float
) -> Floats:
    """Softmax over the categories of the scaled cosine similarities.

    Args:
        image_embeddings: float32 (n, d), rows of length 1; a NaN row is a picture without one.
        category_embeddings: float32 (n_categories, d), rows of length 1.
        logit_scale: The model's inverse temperature, such as 100.

    Returns:
        float32 (n, n_categories); rows sum to 1, or are NaN where the embedding is.
    """
    logits = np.float32(logit_scale) * (image_embeddings @ category_embeddings.T)
    logits -= logits.max(axis=1, keepdims=True)
    shares = np.exp(logits)
    scores: Floats = shares / shares.sum(axis=1, keepdims=True)
    return scores


def language_accuracy(labels: Floats, category_embeddings: Floats) -> float:
    """How many labels in a language lie nearest to their own category.

    Args:
        labels: float32 (n_categories, d), embeddings of the categories' names in that language.
        category_embeddings: float32 (n_categories, d), in the same order.

    Returns:
        Share from 0 to 1: near 1 / n_categories for a text tower that cannot read them.
    """
    nearest = (labels @ category_embeddings.T).argmax(axis=1)
    return float((nearest == np.arange(len(labels))).mean())


def pair_similarities(texts: Floats, pictures: Floats) -> Floats:
    """Cosine of each text with its picture.

    Args:
        texts: float32 (n, d), rows of length 1.
        pictures: float32 (n, d), rows of length 1.

    Returns:
        float32 (n,), from -1 to 1.
    """
    similarities: Floats = np.einsum("nd,nd->n", texts, pictures)
    return similarities


def top_tags(scores: Floats, categories: Sequence[str], count: int = 3) -> list[list[Tag]]:
    """The best `count` categories of every picture, best first.

    Args:
        scores: float32 (n, n_categories) from `category_scores`.
        categories: Names of the columns.
        count: How many tags a picture gets; fewer when there are fewer categories.

    Returns:
        One list for each row; empty where the row is NaN.
    """
    best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    known = ~np.isnan(scores[:, 0])
    return [
        [Tag(categories[c], float(row[c]), rank) for rank, c in enumerate(columns, start=1)]
        if is_known
        else []
        for row, columns, is_known in zip(scores, best, known, strict=True)
    ]
