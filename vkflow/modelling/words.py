"""Which words a text has, as coordinates: TF-IDF of words and pairs of words, reduced.

Salton and Buckley (1988), Term-weighting approaches in automatic text retrieval; Deerwester et al.
(1990), Indexing by latent semantic analysis. Text vectors tell what a text is about; names, places
and turns of phrase that only these walls know are told by its words. Words are hashed (Weinberger
et al. 2009, Feature hashing for large scale multitask learning), so that a bundle keeps arrays and
no words of anybody's posts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.threads import one_thread

Matrix = NDArray[np.float32]

BUCKETS = 2**16
"""Numbers that words and pairs of words are hashed to."""
MIN_POSTS = 3
"""A word of fewer posts tells nothing of others."""
COMPONENTS = 64
TEXTS_AT_ONCE = 2_000
"""Texts whose words are in memory together."""


@dataclass(frozen=True)
class Words:
    """Words that are known, and what they have in common.

    Attributes:
        buckets: numbers of the known words, int64, shape (words,), ascending.
        weights: inverse document frequencies, float32, shape (words,).
        components: float32, shape (components, words), orthonormal rows.
    """

    buckets: NDArray[np.int64]
    weights: Matrix
    components: Matrix

    def reduce(self, texts: pl.Series) -> Matrix:
        """Coordinates along the components, float32, shape (texts, components).

        Zero for a text without a known word, or none at all.
        """
        coordinates = np.empty((len(texts), len(self.components)), dtype=np.float32)
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            some = slice(start, start + TEXTS_AT_ONCE)
            counts = _count(texts[some])[:, self.buckets]
            coordinates[some] = _weigh(counts, self.weights) @ self.components.T
        return coordinates


def fit_words(texts: pl.Series) -> Words | None:
    """Find the words of training posts, and their principal components.

    Returns:
        ``None`` where there are fewer than two words to learn from.
    """
    from sklearn.utils.extmath import randomized_svd

    counts = _count(texts)
    n_posts = np.bincount(counts.indices, minlength=BUCKETS)
    buckets = np.flatnonzero(n_posts >= MIN_POSTS)
    if len(buckets) < 2:
        return None
    # As if one more post had every word: scikit-learn's smooth idf.
    weights = (np.log((1 + len(texts)) / (1 + n_posts[buckets])) + 1).astype(np.float32)
    weighted = _weigh(counts[:, buckets], weights)
    kept = min(COMPONENTS, *(size - 1 for size in weighted.shape))
    with one_thread():
        _, _, components = randomized_svd(weighted, kept, random_state=0)
    return Words(buckets, weights, components.astype(np.float32))


def _count(texts: pl.Series) -> Any:
    """How often each text has the words of each bucket: sparse, shape (texts, ``BUCKETS``)."""
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import HashingVectorizer

    if texts.is_empty():  # which the vectorizer does not take
        return csr_matrix((0, BUCKETS), dtype=np.float32)
    vectorizer = HashingVectorizer(
        n_features=BUCKETS, ngram_range=(1, 2), alternate_sign=False, norm=None, dtype=np.float32
    )
    return vectorizer.transform(texts.fill_null(""))


def _weigh(counts: Any, weights: Matrix) -> Any:
    """(1 + log count) times the weight of the word, rows of length 1; sparse, shape as given."""
    from sklearn.preprocessing import normalize

    weighted = counts.tocsr(copy=True)
    weighted.data = (1 + np.log(weighted.data)) * weights[weighted.indices]
    return normalize(weighted, copy=False)
