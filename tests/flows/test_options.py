from datetime import UTC, datetime, timedelta, timezone

import pytest

from flows.options import RunOptions
from vkflow.errors import SettingsError

NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    "as_of",
    [NOW + timedelta(hours=1), datetime(9999, 12, 31), datetime(2999, 1, 1, tzinfo=UTC)],
    ids=["in an hour", "in year 9999", "in year 2999"],
)
def test_moment_in_the_future_is_refused(as_of: datetime) -> None:
    with pytest.raises(SettingsError, match="lies in the future"):
        RunOptions(as_of=as_of).settings()


@pytest.mark.parametrize(
    "as_of", [datetime(1, 1, 1), datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9)))], ids=str
)
def test_moment_before_all_posts_is_refused(as_of: datetime) -> None:
    with pytest.raises(SettingsError, match=r"before VK existed|no moment"):
        RunOptions(as_of=as_of).settings()


def test_past_and_present_are_fine() -> None:
    assert RunOptions(as_of=datetime(2026, 1, 1)).moment() == datetime(2026, 1, 1, tzinfo=UTC)
    assert RunOptions().moment() >= NOW
