"""Newton's method, for every likelihood that is maximised here."""

from collections.abc import Callable

import numpy as np

from vkflow.modelling.metrics import Floats


def maximise(
    start: Floats,
    step_from: Callable[[Floats], Floats],
    *,
    longest: float,
    tolerance: float,
    max_steps: int,
) -> Floats:
    """Climb a concave function by Newton's steps, of which none is longer than it may be.

    Far from the summit a full step can lead where the function overflows (Hastie, Tibshirani and
    Friedman, The Elements of Statistical Learning, 4.4.1, on step halving).

    Args:
        start: shape (coefficients,), or more dimensions before it for several climbs at once.
        step_from: the step, inverse of the negative Hessian times gradient, at some coefficients.
        longest: of a step, in its largest coordinate; a longer one is shortened, not turned.
        tolerance: length of a step after which there is no other, in any climb.
        max_steps: after which there is no other, either.

    Returns:
        Coefficients, float64, of the shape of ``start``; NaN where a step was.
    """
    coefficients = start.astype(np.float64)
    for _ in range(max_steps):
        step = step_from(coefficients)
        length = np.abs(step).max(axis=-1, initial=0.0, keepdims=True)
        coefficients = coefficients + step * np.minimum(1, longest / np.maximum(length, tolerance))
        if not (length >= tolerance).any():  # NaN, too: no step leads away from it
            break
    return coefficients
