"""What a training of the sample CLIP writes, and how it says how far it is."""

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
