"""What is sent to workers elsewhere makes the same worker there, and carries no secret."""

from pathlib import Path

import cloudpickle
import pytest

from tests.fakes.faulty_encoders import load_dying_encoder
from vkflow.engines.opening import settings_for_workers
from vkflow.engines.workers.photos import recruit_photo_worker
from vkflow.engines.workers.texts import recruit_text_worker
from vkflow.errors import SettingsError
from vkflow.settings import load_settings

SECRET = "vk1.a.planted-secret"


def test_no_secret_travels_to_workers(tmp_path: Path) -> None:
    secrets = {
        "vk": {"token": SECRET},
        "database": {"url": f"postgresql://reader:{SECRET}@host/name"},
        "export": {"url": f"postgresql://writer:{SECRET}@host/name"},
        "dataset": {"path": f"https://host/posts.csv?signature={SECRET}"},
        "warehouse": {"catalog": f"postgresql://writer:{SECRET}@host/lake"},
    }
    for section, planted in secrets.items():
        settings = load_settings(**{section: planted})
        assert SECRET.encode() in cloudpickle.dumps(settings), "or this test could not fail"
        for recruit in (
            recruit_text_worker(load_dying_encoder, settings, "faulty@1/dies"),
            recruit_photo_worker(settings),
        ):
            assert SECRET.encode() not in cloudpickle.dumps(recruit), section


def test_paths_for_workers_do_not_depend_on_where_they_run() -> None:
    settings = settings_for_workers(load_settings())
    assert settings.home.is_absolute() and settings.hub_directory.is_absolute()
    assert settings.images.media == str(Path("data/media").absolute())


def test_a_worker_with_another_encoder_refuses_to_work() -> None:
    recruit = recruit_text_worker(load_dying_encoder, load_settings(), "another")
    with pytest.raises(SettingsError, match="vectors of another are missing"):
        recruit()
