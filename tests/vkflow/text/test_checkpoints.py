"""Directories of models that are damaged, foreign or hostile: refused in a sentence, never run."""

import json
import os
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from vkflow.errors import MissingModelError
from vkflow.text.checkpoints import load_transformer_encoder
from vkflow.text.transformer import TransformerEncoder

CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
INDEX, SHARD = "model.safetensors.index.json", "model-00001-of-00001.safetensors"
REFUSED = r"cannot be loaded|which is no|where no model|is no file"


def load(directory: Path) -> None:
    load_transformer_encoder(str(directory), device="cpu", precision="fp32")


@pytest.fixture
def directory(tiny_encoder_directory: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_encoder_directory, tmp_path / "model"))


def written(name: str, content: str | bytes) -> Callable[[Path], object]:
    content = content if isinstance(content, bytes) else content.encode()
    return lambda directory: (directory / name).write_bytes(content)


def configured(**changes: Any) -> Callable[[Path], object]:
    def change(directory: Path) -> None:
        file = directory / CONFIG
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


def configured_elsewhere(weights: str) -> Callable[[Path], object]:
    def change(directory: Path) -> None:
        own = (directory / CONFIG).read_text()
        configured(transformers_weights=weights)(directory)
        (directory / CONFIG).rename(directory / "config.4.0.0.json")
        (directory / CONFIG).write_text(own)
        configured(configuration_files=["config.4.0.0.json"])(directory)

    return change


def with_tensors(change: Callable[[str, Any], Any]) -> Callable[[Path], object]:
    def rewrite(directory: Path) -> None:
        from safetensors.torch import load_file, save_file

        file = directory / WEIGHTS
        changed = {name: change(name, tensor) for name, tensor in load_file(file).items()}
        kept = {name: tensor for name, tensor in changed.items() if tensor is not None}
        save_file(kept, file, metadata={"format": "pt"})

    return rewrite


def headed(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header


def indexed(directory: Path) -> None:
    (directory / WEIGHTS).unlink()
    index = {"metadata": {}, "weight_map": {"a": "../../elsewhere.bin"}}
    (directory / INDEX).write_text(json.dumps(index))


def piped(name: str) -> Callable[[Path], object]:
    def change(directory: Path) -> None:
        (directory / name).unlink(missing_ok=True)
        os.mkfifo(directory / name)

    return change


def sharded(directory: Path) -> None:
    """In both formats, of which `vkflow models pull` leaves the pickled weights out."""
    from safetensors.numpy import load_file

    names = [*load_file(directory / WEIGHTS)]
    (directory / WEIGHTS).rename(directory / SHARD)
    for index, shard in ((INDEX, SHARD), ("pytorch_model.bin.index.json", "pytorch_model.bin")):
        weight_map = dict.fromkeys(names, shard)
        (directory / index).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def limited_to(n_tokens: int) -> Callable[[Path], object]:
    return written("tokenizer_config.json", json.dumps({"model_max_length": n_tokens}))


def of_gigabytes(directory: Path) -> None:
    os.truncate(directory / TOKENIZER, 2**34)


@pytest.mark.parametrize(
    "damage",
    [
        written(CONFIG, "[]"),
        written(CONFIG, "[" * 100_000),
        configured(hidden_size=-5),
        configured(vocab_size=2**40),
        configured(num_attention_heads=0),
        configured(hidden_act="evil"),
        configured(torch_dtype="evil", dtype="evil"),
        configured(model_type="t5"),
        written(WEIGHTS, b""),
        written(WEIGHTS, struct.pack("<Q", 2**62) + b"{}"),
        written(WEIGHTS, headed(b"[" * 100_000)),
        indexed,
        written(TOKENIZER, "[]"),
        written(TOKENIZER, "[" * 100_000),
        of_gigabytes,
        piped(TOKENIZER),
        piped(WEIGHTS),
        piped("more.safetensors"),
        piped("vocab.txt"),
        piped("vocab.bpe"),
        piped("chat_template.jinja"),
        limited_to(0),
        limited_to(-5),
    ],
)
def test_what_is_no_encoder_is_refused_in_a_sentence(
    directory: Path, damage: Callable[[Path], object]
) -> None:
    damage(directory)
    with pytest.raises(MissingModelError, match=REFUSED):
        load(directory)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (written(WEIGHTS, headed(b'{"__metadata__":{"format":"pt"}}')), "its weights have 0 parts"),
        (with_tensors(lambda name, tensor: None if "layer.0" in name else tensor), "layer.0"),
        (configured(model_type="gpt2"), "its weights lack"),
        (with_tensors(lambda _, tensor: tensor * float("nan")), "its vectors are no numbers"),
        (lambda directory: (directory / TOKENIZER).unlink(), "its tokenizer has no words"),
        (configured(num_hidden_layers=0), "its configuration has no layers"),
        (configured(num_hidden_layers=-5), "its configuration has no layers"),
    ],
    ids=["no weights", "a layer", "another class", "nan", "no tokenizer", "no layers", "negative"],
)
def test_nothing_of_an_encoder_is_left_to_chance(
    directory: Path, damage: Callable[[Path], object], problem: str
) -> None:
    """It would be loaded, and its vectors mean nothing."""
    damage(directory)
    with pytest.raises(MissingModelError, match=problem):
        load(directory)


@pytest.mark.parametrize(
    "weights", ["sub/model.safetensors", "other.safetensors", "adapter_model.bin", ""]
)
@pytest.mark.parametrize(
    "spelled",
    [
        lambda weights: configured(transformers_weights=weights),
        lambda weights: configured(a=weights, attribute_map={"transformers_weights": "a"}),
        configured_elsewhere,
    ],
    ids=["said", "by another name", "in another file"],
)
def test_configuration_chooses_no_weights(
    directory: Path, weights: str, spelled: Callable[[str], Callable[[Path], object]]
) -> None:
    """Nobody would have looked at them, and the identity of the vectors would not tell."""
    file = directory / (weights or WEIGHTS)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes((directory / WEIGHTS).read_bytes())
    spelled(weights)(directory)
    with pytest.raises(MissingModelError, match=f"its configuration names '{weights}'"):
        load(directory)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_hidden_layers": 100_000},
        {"model_type": "distilbert", "num_hidden_layers": 100_000},  # which calls them n_layers
        {"model_type": "clip", "text_config": {"num_hidden_layers": 100_000}},
    ],
    ids=["xlm-roberta", "distilbert", "of several parts"],
)
def test_layers_without_weights_are_not_made(directory: Path, changes: dict[str, Any]) -> None:
    """A hundred thousand took half an hour."""
    configured(**changes)(directory)
    start = time.monotonic()
    with pytest.raises(MissingModelError, match=r"100000 layers, its weights have \d+ parts"):
        load(directory)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("side", ["vocab_size", "intermediate_size", "max_position_embeddings"])
def test_model_larger_than_its_weights_takes_no_memory(directory: Path, side: str) -> None:
    """It was made, and filled by chance, before it was seen not to fit them."""
    configured(**{side: 10**10})(directory)
    with pytest.raises(
        MissingModelError, match="the model it configures is larger than its weights"
    ):
        load(directory)


def test_weights_in_shards_are_read_whatever_other_formats_are_there(directory: Path) -> None:
    sharded(directory)
    load(directory)


def test_full_gpu_is_no_missing_model(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def encode(*_: object) -> None:
        raise torch.OutOfMemoryError("injected")

    monkeypatch.setattr(TransformerEncoder, "encode", encode)
    with pytest.raises(torch.OutOfMemoryError, match="injected"):
        load(directory)


def test_pooler_is_not_needed(directory: Path) -> None:
    with_tensors(lambda name, tensor: None if "pooler" in name else tensor)(directory)
    load(directory)


def test_code_of_a_model_is_neither_run_nor_asked_about(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "y")
    configured(model_type="evil", auto_map={"AutoConfig": "evil.C", "AutoModel": "evil.M"})(
        directory
    )
    (directory / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass C: pass\n")
    with pytest.raises(MissingModelError, match="cannot be loaded"):
        load(directory)
    assert not (tmp_path / "ran").exists()
