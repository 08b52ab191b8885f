"""Encoding texts with an XLM-RoBERTa of base size, fp32 and int8, on the CPU."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.measuring import Row, faster, interleaved
from tests.benchmarks.models import (
    XLM_ROBERTA_LAYERS,
    XLM_ROBERTA_WIDTH,
    post_texts,
    save_xlm_roberta,
    scratch,
)
from vkflow.text.transformer import TransformerEncoder, load_transformer_encoder

FEW, MANY = 64, 512
BUDGET = 512


def rows(quick: bool) -> Iterator[Row]:
    """Against sentence-transformers, the peak of matrix multiplication, and our own fp32."""
    texts = post_texts(MANY)
    with scratch() as folder:
        save_xlm_roberta(folder, texts)
        encoder = load_transformer_encoder(str(folder), device="cpu")
        peer = _sentence_transformer(folder)
        few = texts[:FEW]
        agree = _cosine(encoder.encode(few[-8:]).vectors, peer.encode(few[-8:]))
        assert agree > 0.9999, "both must compute the same"
        if not quick:
            encoder.tune()
        yield from _few(encoder, peer, few, repeats=1 if quick else 3)
        yield from _int8(folder, encoder, few, repeats=1 if quick else 3)
        if quick:
            return
        seconds = interleaved(
            {"ours": lambda: encoder.encode(texts), "theirs": lambda: peer.encode(texts)},
            repeats=1,
            warm=False,
        )
        yield faster(
            f"encode {MANY} posts, fp32", seconds["ours"], "sentence-transformers",
            seconds["theirs"], 1.3,
        )  # fmt: skip


def _few(encoder: TransformerEncoder, peer, texts: list[str], repeats: int) -> Iterator[Row]:
    """Beside the peer, and beside one linear layer: arithmetic a second, padding not counted."""
    import torch

    linear = torch.nn.Linear(XLM_ROBERTA_WIDTH, 4 * XLM_ROBERTA_WIDTH)
    rows_at_once = torch.randn(BUDGET, XLM_ROBERTA_WIDTH)
    times = 300

    def bare() -> None:
        with torch.inference_mode():
            for _ in range(times):
                linear(rows_at_once)

    tokens = encoder.encode(texts).n_tokens.astype(np.int64)
    seconds = interleaved(
        {
            "ours": lambda: encoder.encode(texts),
            "bare": bare,
            "theirs": lambda: peer.encode(texts),
        },
        repeats,
        warm=False,
    )
    work = f"encode {len(texts)} posts, fp32"
    yield faster(work, seconds["ours"], "sentence-transformers", seconds["theirs"], 2.5)
    # Of each layer: query, key, value and output, and twice to the fourfold width; then each token
    # of a text with each, for the weights of the attention and for what they weigh.
    linear_layers = 12 * XLM_ROBERTA_WIDTH**2 * tokens.sum()
    attention = 2 * XLM_ROBERTA_WIDTH * (tokens**2).sum()
    ours = 2e-9 * XLM_ROBERTA_LAYERS * (linear_layers + attention) / seconds["ours"]
    peak = 2e-9 * times * BUDGET * 4 * XLM_ROBERTA_WIDTH**2 / seconds["bare"]
    yield Row(work, ours, "GFLOP/s", "a linear layer alone", peak, ours / peak, 0.85)


def _int8(
    folder: Path, encoder: TransformerEncoder, texts: list[str], repeats: int
) -> Iterator[Row]:
    int8 = load_transformer_encoder(str(folder), device="cpu", precision="int8")
    if repeats > 1:
        int8.tune()
    cosine = _cosine(int8.encode(texts).vectors, encoder.encode(texts).vectors)
    seconds = interleaved(
        {"int8": lambda: int8.encode(texts), "fp32": lambda: encoder.encode(texts)}, repeats,
        warm=False,
    )  # fmt: skip
    work = f"encode {len(texts)} posts, int8"
    yield faster(work, seconds["int8"], "our fp32", seconds["fp32"], 1.4)
    yield Row(work, cosine, "cosine", "our fp32", 1.0, cosine, 0.999)


def _sentence_transformer(folder: Path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    words = Transformer(str(folder))
    pooling = Pooling(words.get_word_embedding_dimension(), "mean")
    return SentenceTransformer(modules=[words, pooling], device="cpu")


def _cosine(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The least cosine of two vectors of the same text."""
    product = (ours * theirs).sum(axis=1)
    return float((product / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)).min())
