from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tasks.pulling import pull_posts
from tasks.step import warehouse_of
from tasks.texts import compute_text_statistics, embed_texts
from vkflow.settings import Settings, load_settings
from vkflow.text.cleaning import clean_for_encoder
from vkflow.text.encoders import load_encoder

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
    np.testing.assert_allclose(np.array(rows["embedding"].to_list()), expected.vectors, atol=1e-6)
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
