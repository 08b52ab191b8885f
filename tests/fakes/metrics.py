"""Metrics of somebody's own that do not work."""

from vkflow.modelling.forecasts import Forecasts


def broken(forecasts: Forecasts) -> float:
    """Fails as a typing mistake would."""
    return 1 / (len(forecasts.counts) - len(forecasts.counts))
