"""sentence-transformers, with torch, ONNX Runtime and OpenVINO under it.

Its own loaders of these two (optimum) do not install beside transformers 5: the model is exported
here and given to it as a module, so that its sorting, batching and pooling stay as they are.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.benchmarks.measuring import Row, faster
from vkflow.text.transformer import TransformerEncoder

Peer = Callable[[list[str]], np.ndarray]
BEST_BATCH_SIZES = (8, 16)
"""Beside its default of 32: smaller ones pad less, and are faster on a CPU."""

DEFAULT = "sentence-transformers"
KEPT = 2
"""Settings of its backends that go on from a few texts to many."""


def peers_of(folder: Path) -> dict[str, Peer]:
    """Functions from texts to vectors, by name: the defaults, and each backend's batch sizes."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    transformer = Transformer(str(folder))
    width = transformer.get_embedding_dimension()
    export = folder / "export" / "model.onnx"
    _export(transformer.auto_model, export)
    peers: dict[str, Peer] = {}
    for backend, compute in (
        ("torch", None), ("ONNX Runtime", _onnx_runtime(export)), ("OpenVINO", _openvino(export))
    ):  # fmt: skip
        words = Transformer(str(folder))
        if compute is not None:
            words.auto_model = _Compiled(words.auto_model.config, compute)
        model = SentenceTransformer(modules=[words, Pooling(width, "mean")], device="cpu")
        for size in BEST_BATCH_SIZES:
            peers[f"{DEFAULT}, {backend}, batches of {size}"] = _peer(model, size)
        if compute is None:
            peers[DEFAULT] = _peer(model, 32)
    return peers


def fastest_of(peers: dict[str, Peer], seconds: Mapping[str, float]) -> dict[str, Peer]:
    """The defaults, and the settings that were fastest in so many seconds."""
    others = sorted(peers.keys() - {DEFAULT}, key=seconds.__getitem__)
    return {name: peers[name] for name in (DEFAULT, *others[:KEPT])}


def rows_beside_peers(work: str, seconds: Mapping[str, float], goal: float) -> Iterator[Row]:
    """Ours, called ``fp32``, beside the defaults, and beside the fastest of all settings."""
    yield faster(work, seconds["fp32"], DEFAULT, seconds[DEFAULT], goal)
    best = min((name for name in seconds if name.startswith(DEFAULT)), key=seconds.__getitem__)
    yield faster(work, seconds["fp32"], f"the best: {best}", seconds[best], 0.95)


def check_agreement(encoder: TransformerEncoder, peers: dict[str, Peer], texts: list[str]) -> None:
    """All of them must compute the same vectors."""
    ours = encoder.encode(texts).vectors
    for name, peer in peers.items():
        assert cosines(ours, peer(texts)).min() > 0.9999, f"{name} must compute the same"


def cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Of each row with the row beside it."""
    product = (ours * theirs).sum(axis=1)
    return product / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)


def _peer(model: Any, batch_size: int) -> Peer:
    return lambda texts: model.encode(texts, batch_size=batch_size, show_progress_bar=False)


class _Compiled(torch.nn.Module):
    """Stands where sentence-transformers has a transformers model."""

    def __init__(self, config: Any, compute: Callable[..., np.ndarray]) -> None:
        super().__init__()
        self.config = config
        self._compute = compute

    def forward(self, input_ids, attention_mask, **_ignored):
        from transformers.modeling_outputs import BaseModelOutput

        hidden = self._compute(input_ids.numpy(), attention_mask.numpy())
        return BaseModelOutput(last_hidden_state=torch.from_numpy(hidden))


def _export(model: Any, file: Path) -> None:
    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask):
            return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    file.parent.mkdir(parents=True, exist_ok=True)
    ids, mask = torch.randint(4, 1_000, (2, 9)), torch.ones(2, 9, dtype=torch.long)
    any_size = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    model.set_attn_implementation("eager")
    torch.onnx.export(
        Hidden().eval(), (ids, mask), str(file), opset_version=18, dynamo=True, verbose=False,
        input_names=["input_ids", "attention_mask"], output_names=["hidden"],
        dynamic_shapes={"input_ids": any_size, "attention_mask": any_size},
    )  # fmt: skip


def _onnx_runtime(file: Path) -> Callable[..., np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Its threads would wait in loops, and slow down whatever is measured after them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda ids, mask: session.run(None, {"input_ids": ids, "attention_mask": mask})[0]


def _openvino(file: Path) -> Callable[..., np.ndarray]:
    os.environ.setdefault("OPENVINO_TELEMETRY_DISABLED", "1")
    import openvino

    compiled = openvino.Core().compile_model(
        str(file), "CPU",
        {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "PERFORMANCE_HINT": "LATENCY",
         "INFERENCE_PRECISION_HINT": "f32"},
    )  # fmt: skip
    request = compiled.create_infer_request()
    return lambda ids, mask: request.infer({"input_ids": ids, "attention_mask": mask})[
        compiled.output(0)
    ].copy()
