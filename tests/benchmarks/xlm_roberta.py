"""Encoding texts on the CPU with an encoder of XLM-RoBERTa's base size.

Its weights are random: what it computes takes as long, but nothing is said of quality.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from tests.benchmarks.measuring import Row, interleaved
from tests.benchmarks.models import (
    XLM_ROBERTA_LAYERS,
    XLM_ROBERTA_WIDTH,
    post_texts,
    save_xlm_roberta,
    scratch,
)
from tests.benchmarks.peers import Peer, check_agreement, fastest_of, peers_of, rows_beside_peers
from vkflow.text.checkpoints import load_transformer_encoder
from vkflow.text.transformer import TransformerEncoder

FEW, MANY = 64, 512
TURNS = 3
"""Of few texts; many are encoded once."""
ROWS = (256, 512, 1_024, 2_048)
TIMES = 20


def rows(quick: bool) -> Iterator[Row]:
    """Against a linear layer alone, sentence-transformers, and its other backends."""
    texts = post_texts(MANY)
    repeats = 1 if quick else TURNS
    with scratch() as folder:
        save_xlm_roberta(folder, texts)
        encoder = load_transformer_encoder(str(folder), device="cpu", precision="fp32")
        encoder.tune()
        yield _arithmetic(encoder, texts[:FEW], repeats)
        peers = peers_of(folder)
        check_agreement(encoder, peers, texts[:8])
        few = _seconds(encoder, peers, texts[:FEW], repeats)
        yield from rows_beside_peers(f"XLM-R base, {FEW} posts, fp32", few, 2.5)
        if not quick:
            many = _seconds(encoder, fastest_of(peers, few), texts, 1)
            yield from rows_beside_peers(f"XLM-R base, {MANY} posts, fp32", many, 1.3)


def _seconds(
    encoder: TransformerEncoder, peers: dict[str, Peer], texts: list[str], repeats: int
) -> dict[str, float]:
    return interleaved(
        {"fp32": lambda: encoder.encode(texts)}
        | {name: lambda peer=peer: peer(texts) for name, peer in peers.items()},
        repeats,
        warm=False,
    )


def _arithmetic(encoder: TransformerEncoder, texts: list[str], repeats: int) -> Row:
    """Beside each kind of linear layer of the model alone, as it is laid out there.

    The limit is the fastest of them, at its best number of rows.
    """
    width = XLM_ROBERTA_WIDTH
    layers = _linear_layers(encoder)
    shapes = {f"{kind}, {n} rows": (kind, n) for kind in layers for n in ROWS}
    tokens = encoder.encode(texts).n_tokens.astype(np.int64)
    seconds = interleaved(
        {"ours": lambda: encoder.encode(texts)}
        | {name: _bare(layers[kind][0], layers[kind][1], n) for name, (kind, n) in shapes.items()},
        repeats,
        warm=False,
    )
    # Of each layer: query, key, value and output, and twice to the fourfold width; then each token
    # of a text with each, for the weights of the attention and for what they weigh.
    linear_layers = 12 * width**2 * tokens.sum()
    attention = 2 * width * (tokens**2).sum()
    ours = 2e-9 * XLM_ROBERTA_LAYERS * (linear_layers + attention) / seconds["ours"]
    peaks = {
        name: 2e-9 * TIMES * n * layers[kind][1] * layers[kind][2] / seconds[name]
        for name, (kind, n) in shapes.items()
    }
    best = max(peaks, key=peaks.__getitem__)
    work = f"XLM-R base, {len(texts)} posts, fp32"
    return Row(
        work, ours, "GFLOP/s", f"the layer {best}, alone", peaks[best], ours / peaks[best], 0.85
    )


def _linear_layers(encoder: TransformerEncoder) -> dict[str, tuple[Any, int, int]]:
    """A layer of each shape, with the length of its inputs and outputs."""
    width = XLM_ROBERTA_WIDTH
    layer = encoder._model.encoder.layer[0]
    return {
        "query": (layer.attention.self.query, width, width),
        "intermediate": (layer.intermediate.dense, width, 4 * width),
        "output": (layer.output.dense, 4 * width, width),
    }


def _bare(layer: Any, width: int, n_rows: int) -> Callable[[], None]:
    inputs = torch.randn(n_rows, width)

    def run() -> None:
        with torch.inference_mode():
            for _ in range(TIMES):
                layer(inputs)

    return run
