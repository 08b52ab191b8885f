"""Between a column of lists and a matrix."""

import numpy as np
import polars as pl
from numpy.typing import NDArray


def as_matrix(column: pl.Series) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The vectors of a list column, and where they are.

    Args:
        column: lists of float32, all of one length, or null.

    Returns:
        float32, shape (rows with a vector, dimensions), and bool, shape (rows,).
    """
    present = column.is_not_null()
    vectors = column.filter(present)
    if vectors.is_empty():
        return np.empty((0, 0), dtype=np.float32), present.to_numpy()
    flat = vectors.explode().to_numpy().astype(np.float32, copy=False)
    return flat.reshape(len(vectors), -1), present.to_numpy()


def as_lists(matrix: NDArray[np.float32]) -> pl.Series:
    """The rows of a float32 matrix of shape (rows, dimensions) as a column of lists."""
    flat = pl.Series(matrix.reshape(-1), dtype=pl.Float32)
    return flat.reshape((matrix.shape[0], matrix.shape[1])).arr.to_list()
