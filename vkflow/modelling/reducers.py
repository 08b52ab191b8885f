"""PCA of text and picture vectors, fitted on the training window only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vkflow.threads import one_thread

Matrix = NDArray[np.float32]

FIT_ROWS = 20_000
"""Vectors a PCA is fitted on at most: more change its components little and its cost much."""


@dataclass(frozen=True)
class Reducer:
    """Principal components of vectors.

    Attributes:
        mean: float32, shape (dimensions,).
        components: float32, shape (components, dimensions), orthonormal rows.
    """

    mean: Matrix
    components: Matrix

    def reduce(self, vectors: Matrix) -> Matrix:
        """Coordinates along the components, float32, shape (vectors, components).

        On one thread, since the order of a sum, and so its last bits, depends on their number.
        """
        with one_thread():
            return ((vectors - self.mean) @ self.components.T).astype(np.float32, copy=False)


def fit_reducer(vectors: Matrix, components: int) -> Reducer:
    """Fit a PCA.

    Args:
        vectors: float32, shape (vectors, dimensions), at least two rows.
        components: how many to keep, fewer if the vectors have fewer.
    """
    from sklearn.decomposition import PCA

    kept = min(components, *vectors.shape)
    with one_thread():
        pca = PCA(kept, svd_solver="covariance_eigh").fit(vectors.astype(np.float64))
    return Reducer(pca.mean_.astype(np.float32), pca.components_.astype(np.float32))
