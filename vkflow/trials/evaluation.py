"""What a trial found: effect of the drawn arm, a randomisation test, and the interval it gives.

Intention to treat: posts count by the arm that was drawn for them, whether or not it was followed.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vkflow.modelling.metrics import Floats
from vkflow.trials.outcomes import Outcomes
from vkflow.trials.planning import LEVEL
from vkflow.trials.schedule import BLOCK, Drawn, draw_again

RESAMPLES: Final = 4_999
FARTHEST: Final = float(np.log(100))
"""How far from the effect, as a logarithm, an end of the interval is looked for."""
HALVINGS: Final = 30
TIES: Final = 1e-12


@dataclass(frozen=True)
class Result:
    """What was found.

    Attributes:
        effect: change of the rate by the lever, as a fraction; ``None``: there is nothing to
            compare with.
        low: lower end of its 95 % interval; ``None``: it has no end there.
        high: likewise the upper end.
        p_value: of no effect at all, two-sided; ``None``: nothing was tested.
        n_judged: units whose outcome was known.
    """

    effect: float | None
    low: float | None
    high: float | None
    p_value: float | None
    n_judged: int


def evaluate(outcomes: Outcomes, is_with: Drawn, *, seed: int) -> Result:
    """Compare the arms, as the schedule drew them.

    p is the share of schedules drawn again, the real one among them, whose arms differ as much
    (Fisher 1935; Phipson and Smyth 2010). The interval holds the changes of rate that the same test
    does not refuse once they are taken from the posts with the lever (Rosenbaum 2002, Observational
    Studies, 2.6), so both always agree.

    Args:
        outcomes: of the units that have one.
        is_with: arms of all units as drawn at the start, shape (n_units,).
        seed: of the schedules drawn again; any, but always the same for a trial.
    """
    places = outcomes.numbers - 1
    test = _RandomisationTest(outcomes, is_with[places], is_with, seed)
    if len(places) < 2 * BLOCK or not test.has_both:
        return Result(None, None, None, None, len(places))
    with_rate, without_rate = test.rates()
    p_value = test.p_value(0.0)
    if not with_rate or not without_rate:  # a ratio of nothing has no logarithm
        effect = -1.0 if without_rate else None
        return Result(effect, None, None, p_value, len(places))
    shift = float(np.log(with_rate / without_rate))
    low, high = (test.end(shift, shift + sign * FARTHEST) for sign in (-1, 1))
    return Result(float(np.expm1(shift)), low, high, p_value, len(places))


class _RandomisationTest:
    """The difference of the arms' weighted mean rates, among those of schedules drawn again."""

    def __init__(
        self, outcomes: Outcomes, is_with: NDArray[np.bool_], schedule: Drawn, seed: int
    ) -> None:
        self._outcomes, self._is_with = outcomes, is_with
        self.has_both = bool(is_with.any() and not is_with.all())
        drawn = draw_again(len(schedule), RESAMPLES, seed)[:, outcomes.numbers - 1]
        # Where many units have no outcome, a schedule may leave an arm without any.
        drawn = drawn[drawn.any(axis=1) & ~drawn.all(axis=1)]
        self._contrasts = _contrasts(drawn, outcomes.weights)

    def rates(self) -> tuple[float, float]:
        """Weighted mean rates with the lever and without it."""
        rates, weights = self._outcomes.rates, self._outcomes.weights
        of_arm = (self._is_with, ~self._is_with)
        return (
            float(np.average(rates[of_arm[0]], weights=weights[of_arm[0]])),
            float(np.average(rates[of_arm[1]], weights=weights[of_arm[1]])),
        )

    def p_value(self, shift: float) -> float:
        """Of the hypothesis that the lever multiplies every rate by exp(shift)."""
        freed = self._outcomes.rates * np.exp(-shift * self._is_with)
        real = abs(float((_contrasts(self._is_with[None], self._outcomes.weights) @ freed)[0]))
        others = np.abs(self._contrasts @ freed)
        as_large = int((others >= real * (1 - TIES)).sum())
        return (1 + as_large) / (1 + len(others))

    def end(self, inside: float, outside: float) -> float | None:
        """Where the test begins to refuse, as a fraction; ``None`` if it does not until there."""
        if self.p_value(outside) > 1 - LEVEL:
            return None
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            if self.p_value(middle) > 1 - LEVEL:
                inside = middle
            else:
                outside = middle
        return float(np.expm1(inside))


def _contrasts(drawn: Drawn, weights: Floats) -> Floats:
    """Row by row what makes rates a difference of weighted means: (schedules, units)."""
    with_lever, without = drawn * weights, ~drawn * weights
    contrasts: Floats = with_lever / with_lever.sum(axis=1, keepdims=True)
    contrasts -= without / without.sum(axis=1, keepdims=True)
    return contrasts
