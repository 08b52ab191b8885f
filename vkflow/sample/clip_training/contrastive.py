"""Contrastive training of the sample CLIP on pictures and captions, and its checkpoint."""

import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
from open_clip.loss import ClipLoss
from safetensors.torch import save_file

from vkflow.sample.clip_training.captions import CaptionBook, write_captions
from vkflow.sample.clip_training.trained import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    Progress,
    TrainedClip,
)

LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05
GROUPS_PER_STEP = 4
"""Every group has one picture of each category: within it, all other captions are wrong."""

HIGHEST_LOGIT_SCALE = math.log(100)


def train(
    directory: Path,
    pictures: npt.NDArray[np.uint8],
    *,
    seed: int,
    steps: int,
    threads: int,
    report: Progress,
) -> TrainedClip:
    """Train on pictures (n_categories, n, 96, 96, 3); see `train_sample_clip` for the rest."""
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("configuration.json"), directory / CONFIG_FILE)
    with _reproducible(seed, threads):
        configuration = json.loads((directory / CONFIG_FILE).read_text("utf-8"))
        model = open_clip.CLIP(**configuration["model_cfg"])
        tokenizer = open_clip.SimpleTokenizer(context_length=model.context_length)
        book = write_captions(tokenizer, model.vocab_size)
        losses = _optimise(model, pictures, book, Random(seed), steps, report)
    weights = directory / WEIGHTS_FILE
    _save_half_precision(model, weights)
    n_parameters = sum(parameter.numel() for parameter in model.parameters())
    return TrainedClip(directory, n_parameters, weights.stat().st_size, fmean(losses[-50:]))


@contextmanager
def _reproducible(seed: int, threads: int) -> Iterator[None]:
    """Seeded torch randomness and a fixed thread count, both put back afterwards."""
    threads_before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads_before)


def _optimise(
    model: Any,
    pictures: npt.NDArray[np.uint8],
    book: CaptionBook,
    random: Random,
    steps: int,
    report: Progress,
) -> list[float]:
    """Run all steps; returns their losses."""
    embedding = model.token_embedding.weight
    known = book.known[:, None]
    with torch.no_grad():
        embedding.mul_(known)
    optimiser = _optimiser(model, embedding)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LEARNING_RATE, total_steps=max(steps, 2), pct_start=0.1
    )
    model.train()
    losses = []
    for step in range(steps):
        loss = _batch_loss(model, pictures, book, random)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        embedding.grad.mul_(known)  # unknown tokens stay exactly zero
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, HIGHEST_LOGIT_SCALE)
        losses.append(loss.item())
        report("training", step + 1, steps)
    return losses


def _optimiser(model: Any, embedding: torch.nn.Parameter) -> torch.optim.AdamW:
    """AdamW that decays matrices, but neither biases and gains nor the token embedding."""
    decayed = [p for p in model.parameters() if p.ndim >= 2 and p is not embedding]
    kept = [p for p in model.parameters() if p.ndim < 2 or p is embedding]
    groups = [
        {"params": decayed, "weight_decay": WEIGHT_DECAY},
        {"params": kept, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.98))


def _batch_loss(
    model: Any, pictures: npt.NDArray[np.uint8], book: CaptionBook, random: Random
) -> torch.Tensor:
    """Mean contrastive loss over groups of one random picture of every category."""
    n_categories, n_pictures = pictures.shape[:2]
    rows = list(product(range(GROUPS_PER_STEP), range(n_categories)))
    batch = np.stack([pictures[category, random.randrange(n_pictures)] for _, category in rows])
    captions = torch.stack([book.draw(category, random) for _, category in rows])
    image_embeddings = model.encode_image(_augment(batch, random), normalize=True)
    text_embeddings = model.encode_text(captions, normalize=True)
    scale, contrastive = model.logit_scale.exp(), ClipLoss()
    groups = zip(
        image_embeddings.split(n_categories), text_embeddings.split(n_categories), strict=True
    )
    losses: list[torch.Tensor] = [contrastive(images, texts, scale) for images, texts in groups]
    return torch.stack(losses).mean()


def _augment(batch: npt.NDArray[np.uint8], random: Random) -> torch.Tensor:
    """Random mirroring, light, colour cast, grey and shift; normalised float32 (n, 3, 96, 96)."""
    images = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255
    n = len(images)
    mirrored, grey = torch.rand(n) < 0.3, torch.rand(n) < 0.08
    images[mirrored] = images[mirrored].flip(-1)
    contrast = 1 + 0.5 * (torch.rand(n, 1, 1, 1) - 0.5)
    brightness, cast = torch.rand(n, 1, 1, 1) - 0.5, torch.rand(n, 3, 1, 1) - 0.5
    images = images * contrast + 0.2 * brightness + 0.08 * cast
    images[grey] = images[grey].mean(1, keepdim=True).expand(-1, 3, -1, -1)
    if random.random() < 0.5:
        shift = (random.randint(-6, 6), random.randint(-6, 6))
        images = torch.roll(images, shift, dims=(2, 3))
    return (images.clamp(0, 1) - 0.5) / 0.25


def _save_half_precision(model: Any, path: Path) -> None:
    """Write the weights as fp16 safetensors; integers (batch norm counters) stay as they are."""
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in model.state_dict().items()
    }
    save_file(tensors, path, metadata={"format": "pt"})
    path.chmod(0o644)  # safetensors makes it readable for its owner alone
