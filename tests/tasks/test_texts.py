import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tasks import texts as texts_task
from tasks.pulling import pull_posts
from tasks.step import warehouse_of
from tasks.texts import compute_text_statistics, embed_texts
from tests.fakes.faulty_encoders import (
    POISON,
    FaultyEncoder,
    embed_with_dying_encoder,
    load_dying_encoder,
)
from vkflow.engines.isolation import WorkerInOwnProcess
from vkflow.settings import Settings, load_settings
from vkflow.text.cleaning import clean_for_encoder
from vkflow.text.loading import load_encoder

AS_OF = datetime(2026, 11, 2, tzinfo=UTC)
TEXTS = ["Кот спит &#128571;<br>дома", "", "Рецепт пирога", "Рецепт пирога", "МАТЧ окончен!"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A warehouse with five posts of a file: one has no text, two share theirs."""
    columns = [
        "view",
        "like",
        "comment",
        "hide",
        "expand",
        "open_photo",
        "open",
        "share_to_message",
    ]
    pl.DataFrame(
        {name: [100 if name == "view" else 1] * len(TEXTS) for name in columns}
        | {"text": TEXTS, "photo": [""] * len(TEXTS), "post_id": range(len(TEXTS))}
    ).write_csv(tmp_path / "posts.csv")
    settings = load_settings(
        home=tmp_path / "home",
        source="dataset",
        dataset={"path": tmp_path / "posts.csv"},
        images={"tagger": "none"},
        text={"chunk_texts": 2},
    )
    pull_posts.fn(settings, AS_OF)
    return settings


def stored(settings: Settings, statement: str) -> pl.DataFrame:
    with warehouse_of(settings) as connection:
        return connection.execute(statement).pl()


def test_every_text_is_embedded_once_as_the_encoder_does_it(settings: Settings) -> None:
    counts = embed_texts.fn(settings)
    assert counts.texts == 3
    rows = stored(
        settings,
        "SELECT DISTINCT text, embedding, n_tokens "
        "FROM text_embeddings JOIN posts USING (text_hash)",
    )
    expected = load_encoder(settings).encode(clean_for_encoder(rows["text"]).to_list())
    np.testing.assert_allclose(np.array(rows["embedding"].to_list()), expected.vectors, atol=1e-4)
    assert rows["n_tokens"].to_list() == expected.n_tokens.tolist()


def test_embedding_again_costs_nothing(settings: Settings) -> None:
    embed_texts.fn(settings)
    assert embed_texts.fn(settings).texts == 0


def test_changed_encoder_embeds_anew_beside_the_old(
    settings: Settings, tiny_encoder_directory: Path
) -> None:
    embed_texts.fn(settings)
    text = settings.text.model_copy(update={"encoder": str(tiny_encoder_directory)})
    changed = settings.model_copy(update={"text": text})
    assert embed_texts.fn(changed).texts == 3
    found = stored(
        settings,
        "SELECT encoder_id, count(*) AS n, min(len(embedding)) AS d "
        "FROM text_embeddings GROUP BY 1",
    )
    assert sorted(found.select("n", "d").rows()) == [(3, 32), (3, 384)]


def test_statistics_are_kept_for_every_text_the_empty_one_too(settings: Settings) -> None:
    assert compute_text_statistics.fn(settings) == 4
    assert compute_text_statistics.fn(settings) == 0
    rows = stored(
        settings,
        "SELECT text, words, emoji, line_breaks FROM text_statistics JOIN posts USING (text_hash) "
        "WHERE post_id IN (0, 1) ORDER BY post_id",
    )
    assert rows.rows() == [(TEXTS[0], 3, 1, 1), ("", 0, 0, 0)]


@pytest.fixture
def poisoned(settings: Settings) -> Settings:
    """One more post, with the text that encoders of ``faulty_encoders`` fail on."""
    with warehouse_of(settings) as connection:
        connection.execute(
            "INSERT INTO posts SELECT * REPLACE (99 AS post_id, ? AS text, 'poison' AS text_hash) "
            "FROM posts WHERE post_id = 2",
            [POISON],
        )
    return settings.model_copy(update={"text": settings.text.model_copy(update={"chunk_texts": 9})})


def quarantined(settings: Settings) -> list[tuple[object, ...]]:
    return stored(settings, "SELECT key, reason, payload FROM quarantine").rows()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raises", "the text encoder fails on this text: ValueError cannot read this"),
        ("gives NaN", "the text encoder gives no finite vector for this text"),
    ],
)
def test_a_text_the_encoder_fails_on_is_quarantined_and_the_rest_goes_on(
    poisoned: Settings, monkeypatch: pytest.MonkeyPatch, fault: str, reason: str
) -> None:
    encoder = FaultyEncoder(fault)
    monkeypatch.setattr(texts_task, "load_encoder", lambda _settings: encoder)
    assert embed_texts.fn(poisoned).texts == 3
    assert quarantined(poisoned) == [("poison", reason, POISON)]
    encoder.read.clear()
    assert embed_texts.fn(poisoned).texts == 0
    assert encoder.read == [], "the next night does not try it again"


@pytest.mark.night
def test_a_text_that_kills_the_encoder_twice_is_quarantined(
    poisoned: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts_task, "load_encoder", load_dying_encoder)
    night = multiprocessing.get_context("spawn").Process(
        target=embed_with_dying_encoder, args=(poisoned,)
    )
    night.start()
    night.join(60)
    assert night.exitcode == -9, "the first night dies of it"
    with warehouse_of(poisoned) as connection:
        connection.execute(
            "INSERT INTO posts SELECT * REPLACE (100 AS post_id, 'новый' AS text, "
            "'new' AS text_hash) FROM posts WHERE post_id = 2"
        )
    assert embed_texts.fn(poisoned).texts == 4, "what came meanwhile is read, too"
    assert quarantined(poisoned) == [
        ("poison", "the text encoder's process dies on this text", POISON)
    ]


def test_lack_of_memory_blames_no_text(poisoned: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts_task, "load_encoder", lambda _settings: FaultyEncoder("lacks memory"))
    with pytest.raises(MemoryError):
        embed_texts.fn(poisoned)
    assert quarantined(poisoned) == []


def test_a_run_that_failed_without_dying_does_not_slow_the_next_one_down(
    poisoned: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = FaultyEncoder("always raises")
    monkeypatch.setattr(texts_task, "load_encoder", lambda _settings: encoder)
    with pytest.raises(RuntimeError):
        embed_texts.fn(poisoned)
    monkeypatch.delattr(WorkerInOwnProcess, "work")
    encoder.fault = "none"
    assert embed_texts.fn(poisoned).texts == 4


def test_an_encoder_that_fails_on_everything_blames_no_text(
    poisoned: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        texts_task, "load_encoder", lambda _settings: FaultyEncoder("always raises")
    )
    with pytest.raises(RuntimeError, match="the device is gone"):
        embed_texts.fn(poisoned)
    assert quarantined(poisoned) == []
