"""Directories of models that are damaged, foreign or hostile: refused in a sentence, never run."""

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vkflow.errors import MissingModelError
from vkflow.text.checkpoints import load_transformer_encoder

CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
INDEX = "model.safetensors.index.json"
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


def piped(directory: Path) -> None:
    (directory / TOKENIZER).unlink()
    os.mkfifo(directory / TOKENIZER)


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
        piped,
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
        (written(WEIGHTS, headed(b'{"__metadata__":{"format":"pt"}}')), "its weights lack"),
        (with_tensors(lambda name, tensor: None if "layer.0" in name else tensor), "layer.0"),
        (configured(model_type="gpt2"), "its weights lack"),
        (with_tensors(lambda _, tensor: tensor * float("nan")), "its vectors are no numbers"),
        (lambda directory: (directory / TOKENIZER).unlink(), "its tokenizer has no words"),
    ],
    ids=["no weights", "a layer", "another class", "nan", "no tokenizer"],
)
def test_nothing_of_an_encoder_is_left_to_chance(
    directory: Path, damage: Callable[[Path], object], problem: str
) -> None:
    """It would be loaded, and its vectors mean nothing."""
    damage(directory)
    with pytest.raises(MissingModelError, match=problem):
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
