"""CLIP image embeddings and zero-shot categories through open_clip."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vkflow.images.checkpoints import Checkpoint, load_checkpoint
from vkflow.images.preparation import Picture, Preprocess, prepared_batches
from vkflow.images.scores import Floats
from vkflow.images.taxonomy import Taxonomy
from vkflow.neural.devices import (
    NumberFormat,
    Precision,
    autocast,
    resolve_device,
    resolve_precision,
)

logger = logging.getLogger(__name__)

TEXTS_PER_BATCH = 256
SHARE = 8
"""Pictures for which a thread of a CPU reads the whole of the weights: with fewer it would wait for
them. It is one thread's on any number of them, or the last bits of an embedding would depend on
that."""

Progress = Callable[[int, int], None]
"""Called with the number of pictures done and of all pictures."""


@dataclass(frozen=True)
class PictureTagger:
    """A loaded CLIP model; made by `load_tagger`.

    Attributes:
        encoder_id: Names weights, preprocessing and precision: embeddings with equal ids compare.
        dimensions: Length d of an embedding.
        logit_scale: The model's inverse temperature, for `category_scores`.
    """

    encoder_id: str
    dimensions: int
    logit_scale: float
    _model: Any
    _preprocess: Preprocess
    _min_side: int
    _tokenize: Callable[[list[str]], Any]
    _device: str
    _precision: NumberFormat

    def embed(
        self,
        pictures: Sequence[Picture],
        batch_size: int = 32,
        on_progress: Progress | None = None,
    ) -> Floats:
        """Embed pictures, decoding the next ones while the model works.

        Args:
            pictures: Picture files, such as paths, or images.
            batch_size: Pictures at a time at least; the results do not depend on it.
            on_progress: Called after every batch.

        Returns:
            float32 (n, d), rows of length 1; a NaN row for a picture that cannot be decoded.
        """
        import torch

        embeddings = np.full((len(pictures), self.dimensions), np.nan, np.float32)
        done = 0
        if self._device == "cpu":
            batch_size = max(batch_size, SHARE * torch.get_num_threads())
        for batch in prepared_batches(pictures, self._preprocess, batch_size, self._min_side):
            rows = [done + place for place, pixels in enumerate(batch) if pixels is not None]
            if rows:
                embeddings[rows] = self._encode([pixels for pixels in batch if pixels is not None])
            done += len(batch)
            if on_progress is not None:
                on_progress(done, len(pictures))
        return embeddings

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Embeddings of captions in the space of the pictures: float32 (n, d), rows of length 1."""
        import torch

        batches = []
        with torch.inference_mode():
            for start in range(0, len(texts), TEXTS_PER_BATCH):
                tokens = self._tokenize(list(texts[start : start + TEXTS_PER_BATCH]))
                encoded = self._model.encode_text(tokens.to(self._device), normalize=True)
                batches.append(encoded.float().cpu().numpy())
        return np.concatenate(batches) if batches else np.empty((0, self.dimensions), np.float32)

    def category_embeddings(self, taxonomy: Taxonomy) -> Floats:
        """One embedding for each category: the prompt ensemble of arXiv:2103.00020, 3.1.4.

        The mean of the normalised embeddings of every template with every phrase, normalised
        again. It takes minutes for a large model: keep it by `encoder_id` and `taxonomy_id`.

        Returns:
            float32 (n_categories, d) in the order of the taxonomy, rows of length 1.
        """
        captions = [taxonomy.captions(category) for category in taxonomy.categories]
        self._warn_about_unknown_phrases(taxonomy)
        embeddings = self.embed_texts([caption for group in captions for caption in group])
        starts = np.cumsum([0, *(len(group) for group in captions[:-1])])
        sums = np.add.reduceat(embeddings, starts, axis=0)
        means: Floats = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return means

    def _encode(self, batch: Sequence[Any]) -> Floats:
        from vkflow.neural.sharing import map_batches

        size = SHARE if self._device == "cpu" else len(batch)
        shares = [batch[start : start + size] for start in range(0, len(batch), size)]
        encoded = map_batches(self._encode_share, shares, self._device, one_thread_each=True)
        return np.concatenate(list(encoded))

    def _encode_share(self, pixels: Sequence[Any]) -> Floats:
        import torch

        with torch.inference_mode(), autocast(self._device, self._precision):
            stacked = torch.stack(list(pixels)).to(self._device)
            encoded = self._model.encode_image(stacked, normalize=True)
        floats: Floats = encoded.float().cpu().numpy()
        return floats

    def _warn_about_unknown_phrases(self, taxonomy: Taxonomy) -> None:
        """Name phrases without any word the text tower was trained on: they all look the same."""
        embedding = getattr(self._model, "token_embedding", None)
        if embedding is None:
            return
        known = (embedding.weight != 0).any(dim=1).cpu()
        # Padding, and the tokens that open and close a caption, say nothing.
        known[[0, -2, -1]] = False
        phrases = [phrase for category in taxonomy.categories for phrase in category.prompts]
        familiar = known[self._tokenize(phrases)].any(dim=1).tolist()
        unknown = [p for p, is_known in zip(phrases, familiar, strict=True) if not is_known]
        if unknown:
            logger.warning("%s does not know: %s", self.encoder_id, ", ".join(unknown))


def load_tagger(
    tagger: str, *, device: str = "cpu", precision: Precision = "fp32"
) -> PictureTagger:
    """Load a CLIP model.

    Args:
        tagger: "sample": the model that comes with vkflow and knows only drawn sample pictures;
            "MODEL:PRETRAINED" such as "ViT-L-14:openai": open_clip's own, downloaded when
            missing; "local-dir:PATH": a directory with `open_clip_config.json` and
            `open_clip_model.safetensors`.
        device: "cpu", "cuda" (or "cuda:1", ...) or "auto": a GPU when there is one.
        precision: "fp32", "bf16", "fp16" (GPU only) or "auto": bf16 on GPUs that have it.

    Returns:
        The tagger, ready to embed. Never one with random weights.

    Raises:
        SettingsError: The spelling, the device or the precision does not work.
        MissingModelError: The weights are not there and cannot be downloaded.
    """
    place = resolve_device(device)
    number_format = resolve_precision(precision, place)
    checkpoint = load_checkpoint(tagger, place)
    model = checkpoint.model
    return PictureTagger(
        encoder_id=f"clip:{checkpoint.name}:{checkpoint.preprocessing}:{number_format}",
        dimensions=_dimensions(checkpoint, place),
        logit_scale=float(model.logit_scale.detach().exp()),
        _model=model,
        _preprocess=checkpoint.preprocess,
        _min_side=checkpoint.min_side,
        _tokenize=checkpoint.tokenize,
        _device=place,
        _precision=number_format,
    )


def _dimensions(checkpoint: Checkpoint, device: str) -> int:
    """Length of an embedding; not every open_clip image tower says it, so a text is encoded."""
    import torch

    with torch.inference_mode():
        encoded = checkpoint.model.encode_text(checkpoint.tokenize(["a"]).to(device))
    return int(encoded.shape[-1])
