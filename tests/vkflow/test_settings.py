"""Settings come from defaults, a file and the environment; typos are refused by name."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from vkflow.errors import SettingsError
from vkflow.settings import load_settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Tests run in ``tmp_path``, see conftest.py."""
    return tmp_path / "vkflow.toml"


def test_the_defaults_work_offline_with_sample_posts():
    settings = load_settings()
    assert (settings.source, settings.text.encoder, settings.images.tagger) == (
        "sample",
        "e5-small",
        "sample",
    )
    assert settings.label_maturity_hours == 72
    assert settings.label_maturity.total_seconds() == 72 * 3_600


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """``Path("")`` would be the folder a command is run in."""
    monkeypatch.setenv("VKFLOW_HOME", "")
    monkeypatch.setenv("VKFLOW_TEXT__ENCODER", "")
    settings = load_settings()
    assert (settings.home, settings.text.encoder) == (Path("data"), "e5-small")


def test_everything_lies_under_home():
    settings = load_settings(home="/srv/vkflow")
    assert {
        settings.warehouse_file,
        settings.snapshot_file,
        settings.media.folder,
        settings.models_directory,
        settings.sample_directory,
    } == {
        Path("/srv/vkflow/warehouse.duckdb"),
        Path("/srv/vkflow/published/predictions.duckdb"),
        Path("/srv/vkflow/media"),
        Path("/srv/vkflow/models"),
        Path("/srv/vkflow/sample"),
    }
    assert load_settings().home == Path("data")


def test_a_place_is_the_same_for_all_who_read_it():
    """A worker has another folder, and behind two slashes maintenance finds no parts."""
    for given, place in (
        ("s3://bucket/a/", "s3://bucket/a"),
        ("s3://", "s3://"),  # names no bucket, and no folder "s3:" of this machine, either
        ("a/", str(Path("a").absolute())),
    ):
        settings = load_settings(parts=given, images={"media": given})
        assert settings.parts_url == settings.media.url == place


def test_the_file_wins_over_the_defaults(file: Path):
    file.write_text('source = "dataset"\n[text]\nencoder = "xlm-roberta-base"\n')
    settings = load_settings()
    assert (settings.source, settings.text.encoder) == ("dataset", "xlm-roberta-base")
    assert settings.text.max_tokens == 512


def test_the_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch):
    file.write_text('home = "of the file"\n[text]\nencoder = "a"\nmax_tokens = 64\n')
    monkeypatch.setenv("VKFLOW_HOME", "of the environment")
    monkeypatch.setenv("VKFLOW_TEXT__ENCODER", "b")
    settings = load_settings()
    assert settings.home == Path("of the environment")
    assert (settings.text.encoder, settings.text.max_tokens) == ("b", 64)


def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VKFLOW_HOME", "of the environment")
    monkeypatch.setenv("VKFLOW_DATASET__CHUNK_ROWS", "7")
    settings = load_settings(home="of the code", dataset={"path": "posts.csv"})
    assert settings.home == Path("of the code")
    assert (settings.dataset.path, settings.dataset.chunk_rows) == ("posts.csv", 7)


def test_the_taxonomy_follows_the_tagger_unless_it_is_named():
    assert load_settings().images.taxonomy_name == "sample"
    assert load_settings(images={"tagger": "ViT-L-14:openai"}).images.taxonomy_name == "vk88"
    assert load_settings(images={"taxonomy": "my.yaml"}).images.taxonomy_name == "my.yaml"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("hoem = 'x'", "hoem"),
        ("[text]\nencodr = 'x'", "text.encodr"),
        ("[txt]\nencoder = 'x'", "txt"),
        ("[training]\nlearning_rates = 0.1", "training.learning_rates"),
    ],
)
def test_an_unknown_name_in_the_file_is_refused(file: Path, content: str, name: str):
    file.write_text(content)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value) == f"setting {name}: there is no such setting"


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("VKFLOW_HOEM", "environment variable VKFLOW_HOEM: there is no such setting"),
        ("VKFLOW_TXT__ENCODER", "environment variable VKFLOW_TXT__ENCODER: there is no such"),
        ("VKFLOW_TEXT__ENCODR", "setting text.encodr: there is no such setting"),
        ("VKFLOW_HOME__PATH", "VKFLOW_HOME__PATH: there is no such setting"),
        ("vkflow_hoem", "environment variable vkflow_hoem: there is no such setting"),
    ],
)
def test_an_unknown_variable_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, message: str
):
    monkeypatch.setenv(variable, "x")
    with pytest.raises(SettingsError, match=message):
        load_settings()


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VKFLOWER", "x")
    monkeypatch.setenv("ENCODER", "x")
    assert load_settings().text.encoder == "e5-small"


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("VKFLOW_LABEL_MATURITY_HOURS", "s3cret", "label_maturity_hours"),
        ("VKFLOW_LABEL_MATURITY_HOURS", "0", "label_maturity_hours"),
        ("VKFLOW_SOURCE", "s3cret", "source"),
        ("VKFLOW_EXPORT__OWNERS_TABLE", "s3cret%", "export.owners_table"),
        ("VKFLOW_EXPORT__SCHEMA_NAME", "s3cret:x", "export.schema_name"),
        ("VKFLOW_DEVICE", "s3cret", "device"),
        ("VKFLOW_TRAINING__TEST_SHARE", "0.9", "training.test_share"),
        ("VKFLOW_TRAINING__SEED", "s3cret", "training.seed"),
        ("VKFLOW_TEXT", '{"encoder": ["s3cret"]}', "text.encoder"),
    ],
)
def test_a_bad_value_is_named_by_its_setting_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str
):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    message = str(raised.value)
    assert message.startswith(f"setting {name}: ")
    assert "s3cret" not in message
    assert raised.value.__cause__ is None


def test_a_variable_that_should_be_a_table_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VKFLOW_TEXT", "s3cret")
    with pytest.raises(
        SettingsError, match=r"environment variable .* read, one of VKFLOW_TEXT;"
    ) as raised:
        load_settings()
    assert "s3cret" not in str(raised.value)


def test_a_variable_that_is_no_json_is_named_but_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VKFLOW_TRAINING__METRICS", "package.module:secret")
    monkeypatch.setenv("VKFLOW_TRAINING__DEPTH", "3")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value) == (
        "an environment variable cannot be read, one of VKFLOW_TRAINING__DEPTH, "
        "VKFLOW_TRAINING__METRICS; lists and tables are given as JSON, such as [1, 3] or "
        '{"text": "message"}'
    )


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_a_settings_file_that_is_none_is_not_passed_over(file: Path, make: Callable[[Path], None]):
    file.unlink(missing_ok=True)
    make(file)
    with pytest.raises(SettingsError, match=r"vkflow\.toml cannot be read: it is no file"):
        load_settings()


def test_all_bad_values_are_named_at_once(file: Path):
    file.write_text("device = 'tpu'\n[scoring]\nwindow_days = 0\n[images]\nranked_tags = 'x'\n")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    names = [line.split(":")[0] for line in str(raised.value).splitlines()]
    assert names == ["setting device", "setting images.ranked_tags", "setting scoring.window_days"]


def test_a_file_that_is_no_toml_is_named(file: Path):
    file.write_text("home = = 1")
    with pytest.raises(SettingsError, match=r"vkflow.toml cannot be read: .*line 1"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source = 'sample'\n" + "a." * 20_000 + "b = 1", r"20 levels and more \(at line 2\)"),
        ("\"\". 'a' ." * 20_000 + "b = 1", "20 levels and more"),
        ("#" * 2**20 + "\n", "more than 1 MiB"),
        ("memory_mib = 0x" + "f" * 10**6 + "g", "line 1, column"),
        ("a" + " " * 10**6, "end of document"),
    ],
    ids=["levels", "quoted", "long", "a word", "spaces"],
)
def test_a_file_beyond_all_measure_is_refused_unread(file: Path, text: str, message: str):
    """Of 20,000 levels tomllib took seven seconds."""
    file.write_text(text)
    start = time.monotonic()
    with pytest.raises(SettingsError, match=rf"vkflow\.toml cannot be read: .*{message}"):
        load_settings()
    assert time.monotonic() - start < 2


def test_a_file_of_an_editor_of_windows_is_read(file: Path):
    file.write_bytes("\ufeffsource = 'vk'\r\n[text]\r\nencoder = 'ж'\r\n".encode())
    assert (load_settings().source, load_settings().text.encoder) == ("vk", "ж")


def test_of_many_problems_the_first_ones_are_told(file: Path):
    file.write_text("".join(f"k{number} = 1\n" for number in range(10_000)))
    with pytest.raises(SettingsError) as raised:
        load_settings()
    *lines, last = str(raised.value).splitlines()
    assert (len(lines), last) == (20, "and 9980 problems more")


def test_settings_are_frozen_on_every_level():
    settings = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.home = Path("elsewhere")
    with pytest.raises(ValidationError, match="frozen"):
        settings.text.encoder = "other"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MEMORY_MIB", "1" + "0" * 30),
        ("LABEL_MATURITY_HOURS", "1" + "0" * 12),
        ("TRAINING__WINDOW_DAYS", "9" * 12),
        ("TRAINING__ITERATIONS", "9" * 12),
        ("TRAINING__SEED", "9" * 12),
        ("SCORING__WINDOW_DAYS", "9" * 12),
        ("VK__FIRST_DAYS", "9" * 12),
        ("VK__REFRESH_DAYS", "[1, 999999999999]"),
        ("WAREHOUSE__WAIT_SECONDS", "1e300"),
        ("EXPORT__WIDE_TABLE", "a" * 64),
        ("EXPORT__LONG_TABLE", "ж" * 32),
        ("WAREHOUSE__MEMORY_LIMIT", "1.2.3GB"),
        ("WAREHOUSE__MEMORY_LIMIT", "0GB"),
        ("WAREHOUSE__MEMORY_LIMIT", "0.0GB"),
        ("WAREHOUSE__MEMORY_LIMIT", "9" * 30 + "TB"),
    ],
)
def test_value_no_night_could_work_with_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    monkeypatch.setenv(f"VKFLOW_{name}", value)
    with pytest.raises(SettingsError, match=name.lower().replace("__", ".")):
        load_settings()


@pytest.mark.parametrize("value", ["4GB", "0.5 GiB", "1500mb", ".5TB", "04.25GB"])
def test_limit_of_memory_is_as_duckdb_has_them(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("VKFLOW_WAREHOUSE__MEMORY_LIMIT", value)
    assert load_settings().warehouse.memory_limit == value


def test_home_whose_name_is_no_text_is_refused() -> None:
    with pytest.raises(SettingsError, match="home"):
        load_settings(home=Path("/tmp/\udcff"))
