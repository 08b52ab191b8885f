"""Training of the sample CLIP: a tiny open_clip model that knows only drawn pictures.

The recipe: a modified ResNet (Radford et al., 2021, https://arxiv.org/abs/2103.00020) of width 8
at 96 pixels and a text transformer of width 32, trained with CLIP's contrastive loss on drawings
and on captions made from the phrases of the `sample` taxonomy. About six CPU minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WEIGHTS_FILE = "open_clip_model.safetensors"
CONFIG_FILE = "open_clip_config.json"

Progress = Callable[[str, int, int], None]
"""Called with the stage ("drawing" or "training"), the units done and the units in all."""


@dataclass(frozen=True)
class TrainedClip:
    """What a training wrote.

    Attributes:
        directory: Holds the configuration and the weights; `local-dir:DIRECTORY` is its tagger.
        n_parameters: Size of the model.
        n_bytes: Size of the weights file (fp16).
        loss: Mean contrastive loss of the last 50 steps, in nats.
    """

    directory: Path
    n_parameters: int
    n_bytes: int
    loss: float


def train_sample_clip(
    directory: Path,
    *,
    seed: int = 0,
    steps: int = 900,
    pictures_per_category: int = 400,
    threads: int = 1,
    on_progress: Progress | None = None,
) -> TrainedClip:
    """Draw pictures, train the sample CLIP on them, and write it as an open_clip directory.

    The same seed, sizes and thread count give the same bytes on the same machine.

    Args:
        directory: Where to write; made when missing, files of an earlier training are replaced.
        seed: Seeds the initial weights, the batches and the augmentation. Drawings always have
            the seeds 0 to `pictures_per_category - 1`, so later seeds are held out.
        steps: Optimiser steps, each on four pictures of every category.
        pictures_per_category: Drawings made of every category.
        threads: Torch threads. Another number gives slightly different weights, and more than one
            is much slower when the cores are busy.
        on_progress: Told about every drawn category and every step.

    Returns:
        Where the checkpoint is and how the training ended.
    """
    # Importing torch and open_clip takes seconds: only who trains waits for it.
    from vkflow.sample.clip_training.contrastive import train
    from vkflow.sample.clip_training.pictures import training_pictures

    report = on_progress or (lambda stage, done, total: None)
    pictures = training_pictures(pictures_per_category, report)
    return train(directory, pictures, seed=seed, steps=steps, threads=threads, report=report)
