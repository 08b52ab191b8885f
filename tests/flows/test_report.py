import inspect
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows import nightly as nightly_module
from flows.command_line import app
from flows.nightly import nightly
from flows.options import RunOptions
from flows.report import ReportOptions, report
from tests.conftest import Nights
from vkflow.insights.report.language import load_language
from vkflow.insights.report.page import SECTIONS
from vkflow.insights.sentences import LanguageCode
from warehouse.database import open_warehouse

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)


def test_every_night_ends_with_a_report(nights: Nights) -> None:
    reports = nights.home / "reports"
    assert {file.name for file in reports.iterdir()} == {
        "2026-11-01.html",
        "2026-11-02.html",
        "latest.html",
    }
    latest = (reports / "latest.html").read_text(encoding="utf-8")
    assert latest == (reports / "2026-11-02.html").read_text(encoding="utf-8")
    assert latest.count("<section") == len(SECTIONS)
    assert "2\u00a0ноября 2026" in latest


def test_the_second_night_shows_itself_and_the_one_before(nights: Nights) -> None:
    latest = (nights.home / "reports" / "latest.html").read_text(encoding="utf-8")
    assert "Последний прогон: 2\u00a0ноября,\u00a003:00" in latest
    assert "2\u00a0ночи" in latest


def test_artifacts_link_the_report_and_show_its_highlights(home: Path) -> None:
    from prefect.artifacts import Artifact

    report(ReportOptions(date=date(2026, 11, 2)))
    link = Artifact.get("report")
    assert link is not None and "2026-11-0" in str(link.data)
    highlights = Artifact.get("report-highlights")
    assert highlights is not None and "log loss" in str(highlights.data)
    posts = Artifact.get("report-posts")
    assert posts is not None
    assert all(row["Владелец"].startswith("Сообщество") for row in json.loads(str(posts.data)))


@pytest.mark.night
def test_a_failed_report_does_not_fail_the_night(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no figure today")

    monkeypatch.setattr(nightly_module, "write_report", fail)
    assert "The night" in nightly(RunOptions(as_of=UNTIL))
    with open_warehouse(home / "warehouse.duckdb") as connection:
        status = "SELECT DISTINCT status FROM runs WHERE flow = 'nightly'"
        assert connection.execute(status).fetchall() == [("completed",)]


def test_report_of_a_day_stands_at_its_end(home: Path) -> None:
    file = Path(report(ReportOptions(date=date(2026, 10, 20))))
    assert file == home / "reports" / "2026-10-20.html"
    assert "20\u00a0октября,\u00a023:59" in file.read_text(encoding="utf-8")
    latest = (home / "reports" / "latest.html").read_text(encoding="utf-8")
    assert "2\u00a0ноября 2026" in latest


def test_command_writes_the_report_of_a_date_and_says_where(home: Path) -> None:
    result = CliRunner().invoke(app, ["report", "--date", "2026-11-01"])
    assert result.exit_code == 0, result.output
    assert str(home / "reports" / "2026-11-01.html") in result.output


@pytest.mark.parametrize("code", ["en", "ru"])
def test_every_step_of_a_night_has_a_name_in_the_report(code: LanguageCode) -> None:
    steps = re.findall(r'watch\.(?:time|attempt)\(\s*"([\w ]+)"', inspect.getsource(nightly_module))
    assert {"pull", "growth", "train", "report"} <= set(steps)
    shown = set(steps) - {"report"}  # it is written before it has taken any time
    say = load_language(code)
    assert [step for step in shown if not say.has(f"step_{step.replace(' ', '_')}")] == []
