from datetime import UTC, datetime, timedelta

import pytest

from vkflow.sources.vk import calls
from vkflow.sources.vk.calls import Timing

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize("step", [timedelta(days=3_650), timedelta(hours=-2)], ids=str)
def test_a_clock_that_is_set_meanwhile_changes_no_time(
    monkeypatch: pytest.MonkeyPatch, step: timedelta
):
    """Counts observed in ten years were stored, and would have been the newest until then."""
    said = iter([NOW, *[NOW + step] * 10])

    class Clock(datetime):
        @classmethod
        def now(cls, _zone: object = None) -> datetime:
            return next(said)

    monkeypatch.setattr(calls, "datetime", Clock)
    timing = Timing()
    moments = [timing.now() for _ in range(3)]
    assert moments == sorted(moments)
    assert NOW <= moments[0] <= moments[-1] < NOW + timedelta(minutes=1)
