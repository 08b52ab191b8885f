"""The whole training: drawings, captions, and the model on them."""

from pathlib import Path

from vkflow.sample.clip_training.trained import Progress, TrainedClip


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

    Raises:
        OSError: the directory cannot be made; nothing has been drawn or trained by then.
    """
    directory.mkdir(parents=True, exist_ok=True)
    # Importing torch and open_clip takes seconds: only who trains waits for it.
    from vkflow.sample.clip_training.contrastive import train
    from vkflow.sample.clip_training.pictures import training_pictures

    report = on_progress or (lambda stage, done, total: None)
    pictures = training_pictures(pictures_per_category, report)
    return train(directory, pictures, seed=seed, steps=steps, threads=threads, report=report)
