"""Loading a transformers encoder, from a directory or the hub: whole, safe, and able to read."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vkflow.errors import MissingModelError
from vkflow.neural.devices import resolve_device, resolve_precision
from vkflow.neural.weights import DIGITS, check_files, is_larger, model_digest, tensor_shapes
from vkflow.text.budgets import RememberedBudgets
from vkflow.text.transformer import TransformerEncoder

WEIGHTS = re.compile(r"[^/\\]+\.safetensors")


def load_transformer_encoder(
    name: str,
    *,
    revision: str | None = None,
    max_tokens: int = 512,
    token_budget: int | None = None,
    budgets: RememberedBudgets | None = None,
    device: str = "auto",
    precision: str = "auto",
) -> TransformerEncoder:
    """Load an encoder by hub name or from a local directory; only safetensors, never pickles.

    Args:
        name: such as ``xlm-roberta-base``, or the path of a directory.
        revision: commit, tag or branch on the hub; pin it for reproducible vectors.
        max_tokens: tokens after which a text is cut, special ones included.
        token_budget: padded tokens in one batch; ``None``: what a probe finds best.
        budgets: where the findings of probes are kept.
        device: ``auto``, ``cuda`` or ``cpu``.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.

    Raises:
        MissingModelError: nothing usable is at that name.
        SettingsError: the device or precision does not exist here.
        torch.OutOfMemoryError: the GPU has no room for it.
    """
    device = resolve_device(device)
    precision = resolve_precision(precision, device)
    try:
        model, tokenizer = _load(name, revision)
        encoder = TransformerEncoder(
            model,
            tokenizer,
            name=_identity(name, model),
            max_tokens=min(max_tokens, _longest_input(model, tokenizer)),
            token_budget=token_budget,
            budgets=budgets,
            device=device,
            precision=precision,
        )
        # One that cannot read would put every text into the quarantine.
        vectors = encoder.encode(["a"]).vectors
    except (MissingModelError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # of any kind: it depends on which file is damaged, and how
        raise MissingModelError(_missing(name, error)) from error
    if not np.isfinite(vectors).all():
        raise MissingModelError(_missing(name, "its vectors are no numbers."))
    return encoder


def _load(name: str, revision: str | None) -> tuple[Any, Any]:
    """Model and tokenizer, none of it by chance."""
    import transformers

    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    # Unless told not to, it asks whoever sits there whether to run code of the model.
    given: dict[str, Any] = {"revision": revision, "trust_remote_code": False}
    check_files(Path(name))
    _check_index(Path(name))
    config = transformers.AutoConfig.from_pretrained(name, **given)
    # As transformers reads it: another file may say it, or another name stand for it.
    if (other := getattr(config, "transformers_weights", None)) is not None:
        problem = f"its configuration names {str(other)!r} as its weights."
        raise MissingModelError(_missing(name, problem))
    _check_size(Path(name), config)
    tokenizer = transformers.AutoTokenizer.from_pretrained(name, **given)
    if tokenizer.vocab_size <= len(tokenizer.all_special_ids):
        raise MissingModelError(_missing(name, "its tokenizer has no words."))
    model, loaded = transformers.AutoModel.from_pretrained(
        name,
        **given,
        config=config,
        use_safetensors=True,
        dtype=torch.float32,
        output_loading_info=True,
    )
    # What a file lacks is drawn by chance; of the pooler, which many lack, nothing is used.
    if drawn := sorted(each for each in loaded["missing_keys"] if "pooler" not in each):
        problem = f"its weights lack {len(drawn)} parts, such as {drawn[0]}."
        raise MissingModelError(_missing(name, problem))
    return model, tokenizer


def _check_index(directory: Path) -> None:
    """See that no index of weights leads elsewhere.

    Raises:
        MissingModelError: it names other files than safetensors beside it, such as pickled ones.
    """
    for index in directory.glob("*.safetensors.index.json"):
        named = set(json.loads(index.read_bytes())["weight_map"].values())
        if odd := sorted(each for each in named if not WEIGHTS.fullmatch(each)):
            raise MissingModelError(
                f"{index} names {odd[0]!r}, which is no .safetensors file of its folder"
            )


def _check_size(directory: Path, config: Any) -> None:
    """See that a directory has weights for what it configures, before that takes memory.

    Raises:
        MissingModelError: of a hundred thousand layers each takes its time; without any, vectors
            are those of words in a row; a vocabulary of billions fills the memory.
    """
    import transformers

    files = [*directory.glob("*.safetensors")]
    layers = [*_layers(config.to_dict())]
    shapes = tensor_shapes(files)
    if files and max(layers, default=0) > len(shapes):
        problem = (
            f"its configuration has {max(layers)} layers, its weights have {len(shapes)} parts."
        )
        raise MissingModelError(_missing(str(directory), problem))
    if getattr(config, "num_hidden_layers", 1) < 1:
        raise MissingModelError(_missing(str(directory), "its configuration has no layers."))
    if not files:
        return
    with torch.device("meta"):
        model = transformers.AutoModel.from_config(  # type: ignore[no-untyped-call]
            config, trust_remote_code=False
        )
    if is_larger(model, shapes):
        problem = "the model it configures is larger than its weights."
        raise MissingModelError(_missing(str(directory), problem))


def _layers(config: Mapping[str, Any]) -> Iterator[int]:
    """Of a configuration and of those within it, which a model of several parts has."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _layers(value)
        elif "layer" in str(name) and type(value) is int:
            yield value


def _longest_input(model: Any, tokenizer: Any) -> int:
    """Tokens the model has positions for; RoBERTa's first position lies after the padding id."""
    positions = int(getattr(model.config, "max_position_embeddings", 10**9))
    if "roberta" in model.config.model_type:
        positions -= int(model.config.pad_token_id) + 1
    longest = min(positions, int(tokenizer.model_max_length))
    if longest <= tokenizer.num_special_tokens_to_add():
        raise ValueError(f"it reads no more than {longest} tokens.")
    return longest


def _identity(name: str, model: Any) -> str:
    directory = Path(name)
    if directory.is_dir():
        return f"{directory.resolve().name}@{model_digest(directory)}"
    commit = getattr(model.config, "_commit_hash", None) or "unknown"
    return f"{name}@{commit[:DIGITS]}"


def _missing(name: str, error: Exception | str) -> str:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return (
        f"the text encoder {name!r} cannot be loaded: {reason} On a machine with internet run "
        f"`vkflow models pull {name}`, copy the folder here, and set VKFLOW_TEXT__ENCODER to "
        f"its path; or use e5-small, which needs no download."
    )
