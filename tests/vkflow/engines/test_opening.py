"""Which engine works, and what is said where it cannot."""

import sys

import pytest

from vkflow.engines.local import LocalEngine
from vkflow.engines.opening import open_engine
from vkflow.errors import SettingsError
from vkflow.settings import load_settings


def test_this_process_works_unless_told_otherwise() -> None:
    with open_engine(load_settings()) as engine:
        assert isinstance(engine, LocalEngine)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    with (
        pytest.raises(SettingsError, match=r"pip install 'vkflow\[ray\]'"),
        open_engine(load_settings(engine="ray")),
    ):
        pass


@pytest.mark.parametrize(
    "setting",
    [{"engine": "spark"}, {"ray": {"address": "user:secret@host:1"}}, {"parts": "s3://k:s@b/p"}],
)
def test_engines_and_addresses_that_are_none_are_refused_without_a_secret(setting: dict) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(**setting)
    assert "secret" not in str(refused.value) and "k:s" not in str(refused.value)
