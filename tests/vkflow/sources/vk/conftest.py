from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.fakes.vk import TOKEN, FakeVk, make_post, serving
from tests.fakes.vk_calls import DAY
from tests.fakes.vk_walls import NOW
from vkflow.settings.sources import VkSettings
from vkflow.sources.vk.calls import Timing
from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.pacing import DailyBudget
from vkflow.sources.vk.source import VkSource


@pytest.fixture
def vk() -> Iterator[FakeVk]:
    with serving(FakeVk()) as fake:
        yield fake


@pytest.fixture
def pauses() -> list[float]:
    """How long the code under test would have slept."""
    return []


@pytest.fixture
def timing(pauses: list[float]) -> Timing:
    """Time stands still, pauses are noted, chance is fair."""
    return Timing(now=lambda: NOW, sleep=pauses.append, chance=lambda: 0.5)


@pytest.fixture
def vk_settings(vk: FakeVk) -> Callable[..., VkSettings]:
    def settings(**more: object) -> VkSettings:
        defaults = {"token": TOKEN, "api_url": vk.address, "requests_per_second": 10_000}
        return VkSettings.model_validate(defaults | more)

    return settings


@pytest.fixture
def open_client(vk_settings, timing: Timing) -> Iterator[Callable[..., VkClient]]:
    with ExitStack() as stack:

        def client(**more: object) -> VkClient:
            settings = vk_settings(**more)
            budget = DailyBudget(settings.daily_budgets, lambda: timing.now().date())
            return stack.enter_context(VkClient(settings, budget, timing))

        yield client


@pytest.fixture
def open_source(vk_settings, timing: Timing) -> Callable[..., VkSource]:
    def source(*owners: object, pictures=None, timing=timing, **more: object) -> VkSource:
        settings = vk_settings(owners=tuple(map(str, owners)), **more)
        return VkSource(settings, pictures, timing)

    return source


@pytest.fixture
def small_wall(vk: FakeVk) -> None:
    """Five posts of one community."""
    vk.add_wall(-1, [make_post(-1, number, DAY + number) for number in range(1, 6)])
