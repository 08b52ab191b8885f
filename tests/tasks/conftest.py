"""What several tests of tasks share."""

from collections.abc import Iterator

import pytest

from tests.fakes.vk import FakeVk, serving


@pytest.fixture
def vk() -> Iterator[FakeVk]:
    with serving(FakeVk()) as fake:
        yield fake
