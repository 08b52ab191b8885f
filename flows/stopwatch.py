"""The steps of a night: how long each one took, and which failed without stopping it."""

import time
from collections.abc import Callable
from typing import TypeVar, cast

from prefect import get_run_logger
from prefect.states import Completed

from vkflow.errors import SettingsError, VkflowError
from warehouse.errors import WarehouseError

Result = TypeVar("Result")
WITH_WARNINGS = "Completed with warnings"


class Stopwatch:
    """Runs steps, and keeps their seconds and the failures that were lived with."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.warnings: list[str] = []

    def time(self, name: str, step: Callable[[], Result]) -> Result:
        """Run a step; its seconds are kept even when it fails."""
        start = time.perf_counter()
        try:
            return step()
        finally:
            self.seconds[name] = round(time.perf_counter() - start, 3)

    def attempt(self, name: str, step: Callable[[], Result], otherwise: Result) -> Result:
        """Run a step the night can do without; ``otherwise`` is its result if it fails.

        Raises:
            SettingsError: a setting is wrong, which no other step makes good.
            WarehouseError: nothing can be stored.
        """
        try:
            return self.time(name, step)
        except (SettingsError, WarehouseError):
            raise
        except Exception as error:
            self.warnings.append(f"{name} failed: {_sentence(error)}")
            get_run_logger().warning("%s; the night goes on without it", self.warnings[-1])
            return otherwise

    def ended(self, summary: str) -> str:
        """What a flow returns: the summary, in a state that says what failed if anything did.

        Prefect ends the run with that state, and gives the summary in it to the flow's caller.
        """
        if not self.warnings:
            return summary
        message = "; ".join(self.warnings)
        return cast(str, Completed(name=WITH_WARNINGS, message=message, data=summary))


def _sentence(error: Exception) -> str:
    """Errors made for people say all; of others the kind helps those who look for the cause."""
    if isinstance(error, VkflowError):
        return str(error)
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
