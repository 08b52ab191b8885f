import hashlib
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flows.nightly import nightly
from flows.options import RunOptions
from tests.conftest import ITERATIONS, UNTIL
from vkflow.activities import ACTIVITY_NAMES
from vkflow.sample.truth import read_oracle
from warehouse.database import open_warehouse
from warehouse.publishing import read_snapshot


def rows(home: Path, statement: str) -> list[tuple]:
    with open_warehouse(home / "warehouse.duckdb") as connection:
        return connection.execute(statement).fetchall()


def test_first_night_scores_the_window_for_every_activity(nights) -> None:
    scored = rows(
        nights.home,
        "SELECT activity, count(*), count(DISTINCT (owner_id, post_id)) FROM predictions "
        "JOIN models USING (model_version) WHERE scored_at = models.created_at GROUP BY ALL",
    )
    assert {name for name, _, _ in scored} == set(ACTIVITY_NAMES)
    window = rows(
        nights.home,
        "SELECT count(*) FROM posts WHERE published_at >= '2026-10-02 00:00:00+00'",
    )[0][0]
    assert window > 100


def test_probabilities_are_probabilities_near_the_observed_rates(nights) -> None:
    judged = rows(
        nights.home,
        "SELECT activity, min(probability), max(probability), avg(probability), "
        'sum("count") / sum(exposures) FROM prediction_outcomes GROUP BY activity',
    )
    for activity, lowest, highest, mean, rate in judged:
        assert 0 < lowest < highest < 1, activity
        assert 0.4 < mean / rate < 2.5, activity


def test_second_night_pulls_only_what_is_new(nights) -> None:
    first, second = nights.summaries
    new_posts = rows(
        nights.home, "SELECT count(*) FROM posts WHERE first_seen_at = '2026-11-02 00:00:00+00'"
    )[0][0]
    assert 0 < new_posts < 40
    assert f"{new_posts} seen, {new_posts} new, 0 changed" in second
    assert "0 changed" in first


def test_quality_line_names_both_baselines_and_the_oracle(nights) -> None:
    for summary in nights.summaries:
        assert "over the global rate" in summary
        assert "over the owner rate" in summary
        assert "of the attainable gain" in summary


def test_no_snapshot_of_the_future_is_in_the_warehouse(nights) -> None:
    assert rows(
        nights.home,
        "SELECT count(*) FROM snapshots WHERE observed_at > '2026-11-02 00:00:00+00'",
    ) == [(0,)]


def test_forecasts_are_those_written_before_the_outcome(nights) -> None:
    wrong = rows(
        nights.home,
        "SELECT count(*) FROM prediction_outcomes JOIN labels USING (owner_id, post_id) "
        "WHERE is_forecast <> (scored_at < first_known_at)",
    )
    assert wrong == [(0,)]


EVERYTHING = "SELECT * EXCLUDE (run_id) FROM predictions ORDER BY ALL"


def run_again(nights, moment: datetime, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("VKFLOW_HOME", str(nights.home))
    monkeypatch.setenv("VKFLOW_TRAINING__ITERATIONS", ITERATIONS)
    return nightly(RunOptions(as_of=moment))


def test_a_night_with_nothing_new_does_nothing(nights, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(nights.home, EVERYTHING)
    report = (nights.home / "reports" / "latest.html").stat().st_mtime_ns
    summary = run_again(nights, UNTIL, monkeypatch)
    assert "Nothing has changed since the last night" in summary
    assert "of the attainable gain" in summary, "the quality of the model that stands"
    assert rows(nights.home, EVERYTHING) == before
    assert (nights.home / "reports" / "latest.html").stat().st_mtime_ns == report


@pytest.mark.night
def test_running_an_earlier_night_again_changes_no_prediction(
    nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(nights.home, EVERYTHING)
    summary = run_again(nights, UNTIL - timedelta(days=1), monkeypatch)
    assert rows(nights.home, EVERYTHING) == before
    assert "0 seen, 0 new" in summary
    assert "0 embedded" in summary
    assert "nothing new to learn from" in summary
    assert "every post is scored already" in summary


def test_snapshot_answers_while_another_process_writes_the_warehouse(nights) -> None:
    # given: a process that holds the warehouse in the middle of a transaction
    program = (
        "import sys, time, duckdb\n"
        f"c = duckdb.connect({str(nights.home / 'warehouse.duckdb')!r})\n"
        "c.execute('BEGIN'); c.execute('CREATE TABLE t AS SELECT 1 AS a')\n"
        "print('writing', flush=True); time.sleep(60)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert writer.stdout is not None and writer.stdout.readline() == b"writing\n"
    # when
    try:
        answer = read_snapshot(
            nights.home / "published" / "predictions.duckdb",
            "SELECT activity, count(*) n, avg(probability) p "
            "FROM latest_predictions GROUP BY 1 ORDER BY 1",
        )
    finally:
        writer.kill()
        writer.wait()
    # then
    assert answer["activity"].to_list() == sorted(ACTIVITY_NAMES)
    assert answer["n"].n_unique() == 1


def test_night_leaves_artifacts_for_the_ui(nights) -> None:
    from prefect.artifacts import Artifact

    summary = Artifact.get("night")
    assert summary is not None and str(summary.data).startswith("## Ночь\n\n- Посты: просмотрено")
    assert all(told.startswith("## The night\n\n- Posts: ") for told in nights.summaries)
    assert Artifact.get("most-promising") is not None


def test_drift_of_every_feature_and_prediction_is_measured(nights) -> None:
    kinds = dict(rows(nights.home, "SELECT kind, count(DISTINCT name) FROM drift GROUP BY kind"))
    assert kinds["prediction"] == len(ACTIVITY_NAMES)
    assert kinds["feature"] > 100


def test_runs_are_noted_with_their_counts(nights) -> None:
    noted = rows(
        nights.home,
        "SELECT flow, status, counts->'pull'->>'seen' FROM runs "
        "WHERE counts->'pull'->>'new' <> '0' ORDER BY started_at",
    )
    assert [(flow, status) for flow, status, _ in noted] == [("nightly", "completed")] * 2


def test_champion_file_names_the_bundle_in_use(nights) -> None:
    named = (nights.home / "models" / "champion").read_text(encoding="utf-8").strip()
    assert rows(nights.home, "SELECT model_version FROM models WHERE status = 'champion'") == [
        (named,)
    ]


def test_truth_is_nowhere_in_the_warehouse(nights) -> None:
    """No stored number is an oracle conversion."""
    oracle = set(read_oracle(nights.home / "sample")["oracle"].round(12).to_list())
    stored = {round(p, 12) for (p,) in rows(nights.home, "SELECT probability FROM predictions")}
    assert not stored & oracle


def test_equal_texts_share_one_vector(nights) -> None:
    duplicated = rows(
        nights.home,
        "SELECT count(*) - count(DISTINCT text_hash) FROM posts WHERE text <> ''",
    )[0][0]
    vectors = rows(nights.home, "SELECT count(*), count(DISTINCT text_hash) FROM text_embeddings")
    assert duplicated > 0
    assert vectors[0][0] == vectors[0][1]


def test_pictures_are_stored_by_their_hash(nights) -> None:
    files = list((nights.home / "media").glob("??/*.jpg"))
    assert len(files) > 300
    stored = {image_hash for (image_hash,) in rows(nights.home, "SELECT image_hash FROM images")}
    assert {file.stem for file in files} == stored
    assert hashlib.sha256(files[0].read_bytes()).hexdigest() == files[0].stem
