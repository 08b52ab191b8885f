"""Any transformers encoder, mean-pooled over the tokens that are not padding."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vkflow.neural.devices import NumberFormat, autocast, device_name
from vkflow.neural.sharing import map_batches
from vkflow.text.batching import longest_first, plan_batches
from vkflow.text.budgets import RememberedBudgets, probe_budget
from vkflow.text.encoders import EncodedTexts, Progress, no_progress
from vkflow.text.packed_linear import gains_by_packing, pack_linear_layers

# Padded tokens in one batch until a probe has found the best. A CPU is fastest with small batches
# that stay in its caches; a GPU needs large ones to be busy.
TOKEN_BUDGETS = {"cpu": 1_024, "cuda": 32_768}
CANDIDATES = {"cpu": (256, 512, 1_024, 2_048), "cuda": tuple(2**n for n in range(12, 19))}
PROBED_AFTER_SECONDS = 60.0
"""Work after which finding the best budget, which takes up to half a minute, begins to pay."""
PROBE_TOKENS = 64
"""Tokens of the texts in a probe: about a post."""
PROBE_SECONDS = 0.2
"""Of one trial."""
CHUNK_TEXTS = {"cpu": 256, "cuda": 8_192}
"""Texts worth a save of their own: a minute's work of a CPU, a second's of a GPU."""
TOKENISED_AT_ONCE = 1_024


class TransformerEncoder:
    """A loaded model with its tokenizer; :mod:`vkflow.text.checkpoints` builds it."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        max_tokens: int,
        token_budget: int | None,
        budgets: RememberedBudgets | None,
        device: str,
        precision: NumberFormat,
    ) -> None:
        self._model = model.to(device).eval()
        if device == "cpu" and precision == "fp32" and gains_by_packing():
            pack_linear_layers(self._model)
        self._tokenizer = tokenizer
        self._name = name
        self._max_tokens = max_tokens
        self._device = device
        self._kind = device.partition(":")[0]
        self._precision = precision
        self._budgets = budgets
        sharing = ", a batch each" if device == "cpu" else ""
        self._budget_key = f"{self.encoder_id} on {device_name(device)}{sharing}"
        known = token_budget or (budgets.find(self._budget_key) if budgets else None)
        self._is_tuned = known is not None
        self._worked_seconds = 0.0
        self.token_budget = known or TOKEN_BUDGETS[self._kind]
        self.chunk_texts = CHUNK_TEXTS[self._kind]

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

        The next texts become tokens while the model works on those before. When the device runs
        out of memory the budget is halved and the rest goes on.

        Raises:
            torch.OutOfMemoryError: even a single text does not fit.
        """
        if self._worked_seconds >= PROBED_AFTER_SECONDS:
            self.tune()
        start = time.perf_counter()
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        n_tokens = np.zeros(len(texts), dtype=np.int32)
        truncated = np.zeros(len(texts), dtype=np.bool_)
        order = longest_first([len(text) for text in texts])
        slices = [
            order[start : start + TOKENISED_AT_ONCE]
            for start in range(0, len(order), TOKENISED_AT_ONCE)
        ]
        with ThreadPoolExecutor(1, thread_name_prefix="tokenizer") as ahead:
            tokenised = ahead.map(
                lambda places: self._tokenize([texts[place] for place in places]), slices
            )
            for places, (token_ids, was_cut) in zip(slices, tokenised, strict=True):
                n_tokens[places] = [len(ids) for ids in token_ids]
                truncated[places] = was_cut
                vectors[places] = self._encode_tokens(token_ids, on_progress)
        self._worked_seconds += time.perf_counter() - start
        return EncodedTexts(vectors, n_tokens, truncated)

    def tune(self) -> None:
        """Find the token budget the device is fastest with, unless it is given or remembered."""
        if self._is_tuned:
            return
        self._is_tuned = True
        self.token_budget = probe_budget(self._tokens_per_second, CANDIDATES[self._kind])
        if self._budgets:
            self._budgets.remember(self._budget_key, self.token_budget)

    def _tokens_per_second(self, budget: int) -> float:
        """Speed of batches of this size; 0 when memory does not hold one."""
        length = min(PROBE_TOKENS, self._max_tokens)
        any_token = self._tokenizer("a")["input_ids"][0]
        batch = [[any_token] * length] * (budget // length)
        batches = [batch] * (torch.get_num_threads() if self._kind == "cpu" else 1)
        try:
            self._finish(batches)
            start, done = time.perf_counter(), 0
            while (seconds := time.perf_counter() - start) < PROBE_SECONDS:
                self._finish(batches)
                done += len(batches) * len(batch) * length
        except torch.OutOfMemoryError:
            self._release_memory()
            return 0.0
        return done / seconds

    def _encode_tokens(
        self, token_ids: list[list[int]], on_progress: Progress
    ) -> NDArray[np.float32]:
        """Vectors of tokenised texts; they stay on the device until all of them are there."""
        lengths = [len(ids) for ids in token_ids]
        order = longest_first(lengths)
        encoded: list[torch.Tensor] = []
        batches = plan_batches(order, lengths, self.token_budget)
        while batches:
            try:
                tokens = [[token_ids[place] for place in batch] for batch in batches]
                for vectors_of_batch in map_batches(self._encode_batch, tokens, self._device):
                    encoded.append(vectors_of_batch)
                    on_progress(len(batches.pop(0)))
            except torch.OutOfMemoryError:
                if len(batches[0]) == 1:
                    raise
                self.token_budget = max(1, self.token_budget // 2)
                self._release_memory()
                waiting = [place for later in batches for place in later]
                batches = plan_batches(waiting, lengths, self.token_budget)
        vectors = np.empty((len(token_ids), self.dimensions), dtype=np.float32)
        vectors[order] = torch.cat(encoded).cpu().numpy()
        return vectors

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

    def _finish(self, batches: list[list[list[int]]]) -> None:
        """Encode batches and wait until they are done, which a GPU does not tell by itself."""
        for vectors in map_batches(self._encode_batch, batches, self._device):
            vectors.cpu()

    def _encode_batch(self, token_ids: list[list[int]]) -> torch.Tensor:
        """float32, shape (texts, dimensions), on the device."""
        batch = self._tokenizer.pad({"input_ids": token_ids}, return_tensors="pt")
        ids, mask = (self._on_device(batch[name]) for name in ("input_ids", "attention_mask"))
        with torch.inference_mode(), autocast(self._device, self._precision):
            hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            return masked_mean(hidden.float(), mask)

    def _on_device(self, tensor: torch.Tensor) -> torch.Tensor:
        """Copied without waiting: a GPU computes the batch before while this one travels."""
        if self._kind == "cpu":
            return tensor
        return tensor.pin_memory().to(self._device, non_blocking=True)

    def _release_memory(self) -> None:
        if self._kind == "cuda":
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
