import csv
import io
import resource
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.command import vkflow, vkflow_here
from vkflow.activities import ACTIVITY_NAMES
from warehouse.catalogs import only_writer


def test_sql_prints_a_table(nights) -> None:
    result = vkflow("sql", "SELECT count(*) AS posts FROM posts", home=nights.home)
    assert result.returncode == 0
    assert "posts" in result.stdout and "700" in result.stdout


def test_sql_answers_within_two_seconds(nights) -> None:
    """Of processor time: how long it waits for other processes is not the command's fault."""
    seconds = []
    for _ in range(3):
        before = _seconds_of_children()
        vkflow("sql", "SELECT 1", home=nights.home)
        seconds.append(_seconds_of_children() - before)
    assert 0 < min(seconds) < 2


def test_sql_imports_only_what_it_uses(nights) -> None:
    """Each of these takes a person's patience, and none has to do with a query."""
    result = vkflow("sql", "SELECT 1", home=nights.home, PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "duckdb" in imported
    assert not imported & {"pandas", "scipy", "catboost", "torch", "prefect", "httpx"}


def _seconds_of_children() -> float:
    """Processor time of the processes that this one started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_sql_writes_csv(nights) -> None:
    result = vkflow_here(
        "sql", "--csv", "SELECT DISTINCT activity FROM predictions ORDER BY 1", home=nights.home
    )
    table = list(csv.reader(io.StringIO(result.stdout)))
    assert table == [["activity"], *([name] for name in sorted(ACTIVITY_NAMES))]


def test_lists_records_and_bytes_are_json_and_digits_in_csv(nights) -> None:
    query = "SELECT [1, NULL] l, {'a': DATE '2026-01-01'} r, 'a'::BLOB b, NULL::INT[] n"
    result = vkflow("sql", "--csv", query, home=nights.home)
    _, row = csv.reader(io.StringIO(result.stdout))
    assert row == ["[1, null]", '{"a": "2026-01-01"}', "61", ""]


@pytest.mark.parametrize(
    ("options", "shown"),
    [([], ["┃ one ┃", "│   1 │", "┃ two ┃", "│   2 │"]), (["--csv"], ["one", "1", "two", "2"])],
    ids=["table", "csv"],
)
def test_several_queries_are_all_answered(nights, options: list[str], shown: list[str]) -> None:
    text = "SELECT 1 AS one; SET VARIABLE a = 0; SELECT 2 AS two"
    result = vkflow_here("sql", *options, text, home=nights.home)
    assert [line for line in result.stdout.splitlines() if line[0] not in "┏┡└"] == shown


def test_rows_beyond_those_shown_are_counted(nights) -> None:
    result = vkflow_here("sql", "FROM range(30000)", home=nights.home)
    assert result.stdout.splitlines()[-1] == "… 29950 rows more; --csv prints all of them"


def test_query_that_needs_too_much_memory_is_told(nights) -> None:
    result = vkflow(
        "sql", "SELECT list(range(100000000))", home=nights.home,
        VKFLOW_WAREHOUSE__MEMORY_LIMIT="100MB",
    )  # fmt: skip
    assert result.returncode == 1
    assert "VKFLOW_WAREHOUSE__MEMORY_LIMIT" in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "column",
    ["TIMESTAMP 'infinity'", "DATE '-infinity'", "TIMESTAMPTZ '12000-01-01'", "1::BIGNUM"],
)
@pytest.mark.parametrize("options", [[], ["--csv"]], ids=["table", "csv"])
def test_what_cannot_be_written_out_is_one_message(nights, column: str, options: list[str]) -> None:
    result = vkflow("sql", *options, f"SELECT {column} AS it", home=nights.home)
    assert "Traceback" not in result.stderr and "panicked" not in result.stderr
    assert result.returncode == 0 or "cast it to VARCHAR" in result.stderr


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT * FROM predictoins", "Did you mean"),
        ("SELECT", "Parser Error"),
        ("DELETE FROM posts", "read-only"),
    ],
)
def test_wrong_sql_is_one_message(nights, statement: str, message: str) -> None:
    result = vkflow_here("sql", statement, home=nights.home)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_text_of_a_post_is_no_markup(nights) -> None:
    result = vkflow_here("sql", "SELECT '[bold]x[/bold] <script>' AS text", home=nights.home)
    assert "[bold]x[/bold] <script>" in result.stdout


def test_nothing_published_says_what_to_do(tmp_path: Path) -> None:
    result = vkflow("sql", "SELECT 1", home=tmp_path)
    assert result.returncode == 1
    assert "Run `vkflow nightly` first" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (("nightly", "--source", "dataset"), {}, "knows only the drawn pictures"),
        (
            ("nightly", "--source", "dataset"),
            {"VKFLOW_IMAGES__TAGGER": "none"},
            "give --path FILE",
        ),
        (("nightly",), {"VKFLOW_TEXT__ENCODR": "x"}, "setting text.encodr: there is no such"),
        (("nightly",), {"VKFLOW_HOEM": "x"}, "VKFLOW_HOEM: there is no such setting"),
        (("models", "promote", "nope"), {}, "there is no bundle"),
        (("models", "rollback"), {}, "no earlier champion"),
        (("models", "pull", "no-such/model"), {}, "cannot be fetched from the model hub"),
    ],
)
def test_mistakes_are_told_before_any_work(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], message: str
) -> None:
    result = vkflow(*arguments, home=tmp_path, **environment)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_zone_of_a_moment_is_heeded(tmp_path: Path) -> None:
    """In an hour, by a clock of the west: as UTC it would have been eleven hours ago."""
    west = datetime.now(timezone(timedelta(hours=-12))) + timedelta(hours=1)
    result = vkflow("features", "--as-of", f"{west:%Y-%m-%dT%H:%M:%S%z}", home=tmp_path)
    assert "lies in the future" in result.stderr


@pytest.mark.parametrize("arguments", [("promote", "a"), ("rollback",)], ids=" ".join)
def test_nobody_promotes_while_another_writes(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with only_writer(tmp_path / "warehouse.duckdb", "nightly", 0):
        result = vkflow("models", *arguments, home=tmp_path, VKFLOW_WAREHOUSE__WAIT_SECONDS="0")
    assert result.returncode == 1
    assert "in use by nightly" in result.stderr and "Traceback" not in result.stderr


def test_unknown_source_lists_the_known_ones(tmp_path: Path) -> None:
    result = vkflow("nightly", "--source", "facebook", home=tmp_path)
    assert result.returncode == 2
    assert "sample" in result.stderr and "dataset" in result.stderr


def test_sample_writes_once(tmp_path: Path) -> None:
    arguments = ("sample", "--posts", "30", "--until", "2026-11-02")
    assert "wrote 30 sample posts" in vkflow(*arguments, home=tmp_path).stdout
    assert "already there" in vkflow(*arguments, home=tmp_path).stdout
    files = {file.name for file in (tmp_path / "sample").iterdir()}
    assert files == {
        "posts.parquet",
        "snapshots.parquet",
        "pictures.parquet",
        "world.json",
        "truth",
    }


@pytest.mark.parametrize(
    "until", ["0001-01-01T00:00:00+1400", "9999-12-31T23:59:59-1200", "2006-11-01", "2999-01-01"]
)
def test_sample_of_an_impossible_time_is_refused(tmp_path: Path, until: str) -> None:
    result = vkflow("sample", "--posts", "5", "--until", until, home=tmp_path)
    assert result.returncode == 1
    assert "is no end of 120 days" in result.stderr and "Traceback" not in result.stderr


def test_what_is_no_text_is_no_version_of_a_model(tmp_path: Path) -> None:
    result = vkflow("models", "show", "\udcff", home=tmp_path)
    assert result.returncode == 1
    assert "there is no bundle" in result.stderr and "Traceback" not in result.stderr


def test_models_are_listed_with_the_reason_of_their_status(nights) -> None:
    result = vkflow_here("models", "list", home=nights.home)
    assert "champion" in result.stdout and "mean gain on the test window" in result.stdout


def test_bundle_is_shown_with_its_figures_and_the_meaning_of_its_features(nights) -> None:
    result = vkflow_here("models", "show", home=nights.home)
    assert result.returncode == 0
    for text in ("gain_over_owner", "owner_like_trend", "public holiday of Russia"):
        assert text in result.stdout


def test_doctor_finds_everything_in_place(nights) -> None:
    result = vkflow_here("doctor", home=nights.home)
    assert result.returncode == 0, result.stdout
    assert "e5-small" in result.stdout and "700 posts" in result.stdout


def test_doctor_names_what_is_wrong(tmp_path: Path) -> None:
    result = vkflow("doctor", home=tmp_path, VKFLOW_TEXT__ENCODER="no-such/encoder")
    assert result.returncode == 1
    assert "vkflow models pull" in result.stdout
    assert "vkflow sample" in result.stdout
