"""How sure the linear stage is of its coefficients, as a sample of what else they could have been.

A multiplier bootstrap of the penalised fit in one step: what owners did in a week is drawn together
(Hu and Kalbfleisch 2000, The estimating function bootstrap; the covariance is that of the
cluster-robust sandwich, Liang and Zeger 1986), and the ridge's prior adds what it may have shrunk
away (Nychka 1988, Bayesian confidence intervals for smoothing splines). Differences between posts
have the spread of their differences over the sample: a column both share tells nothing.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.modelling.linear import INTERCEPT_PENALTY, Matrix, Sample
from vkflow.modelling.metrics import sigmoid
from vkflow.threads import one_thread

N_REPLICATES = 200


def owner_weeks(posts: pl.DataFrame) -> NDArray[np.int64]:
    """A number for each post, shape (posts,), equal within an owner and week, from 0 without gaps.

    Args:
        posts: owner_id, published_at (null: all of an owner together).
    """
    week = pl.col("published_at").dt.epoch("d") // 7
    ranks = posts.select(pl.struct("owner_id", week.alias("week")).rank("dense").alias("rank"))
    return ranks["rank"].to_numpy().astype(np.int64) - 1


def draw_replicates(
    sample: Sample, coefficients: Matrix, penalty: float, clusters: NDArray[np.int64], seed: int
) -> Matrix:
    """Deviations of coefficients from those that were fitted.

    Args:
        sample: the posts of the fit.
        coefficients: its solution, float32, shape (columns,).
        penalty: of every coefficient but the first.
        clusters: of the posts, from :func:`owner_weeks`.
        seed: of the drawing.

    Returns:
        float32, shape (``N_REPLICATES``, columns).
    """
    from scipy.sparse import csr_matrix

    generator = np.random.default_rng(seed)
    design, n_posts = sample.design, len(sample.rates)
    ridge = np.full(design.shape[1], penalty)
    ridge[0] = INTERCEPT_PENALTY
    with one_thread():
        p = sigmoid(design @ coefficients)
        residuals = (sample.weights * (sample.rates - p)).astype(np.float32)
        members = csr_matrix((residuals, (clusters, np.arange(n_posts))))
        scores = members @ design
        scores -= scores.mean(axis=0)
        drawn = generator.standard_normal((N_REPLICATES, len(scores))) @ scores
        drawn += generator.standard_normal(drawn.shape) * np.sqrt(ridge)
        scaled = design * np.sqrt(sample.weights * p * (1 - p)).astype(np.float32)[:, None]
        hessian = (scaled.T @ scaled).astype(np.float64)
        hessian[np.diag_indices_from(hessian)] += ridge
        found: Matrix = np.linalg.solve(hessian, drawn.T).T.astype(np.float32)
    return found
