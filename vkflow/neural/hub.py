"""Fetching production models to a folder, for machines without internet."""

from dataclasses import dataclass
from pathlib import Path

from vkflow.errors import MissingModelError
from vkflow.text.e5.directory import NAME as E5_SMALL
from vkflow.text.e5.directory import ensure_e5_small

# Never pickles: safetensors, configuration and tokenizer files are all that is loaded.
FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
NOT_NEEDED = ("onnx/*", "openvino/*", "*.msgpack", "*.h5")


@dataclass(frozen=True)
class PulledModel:
    """A model in a folder, and the setting that uses it."""

    directory: Path
    setting: str


def pull_model(name: str, target: Path, revision: str | None = None) -> PulledModel:
    """Download an encoder by hub name, or a CLIP as ``MODEL:PRETRAINED``.

    ``e5-small`` needs no network: it is made from the package that carries its weights.

    Args:
        name: such as ``xlm-roberta-base`` or ``ViT-L-14:openai``.
        target: the model gets a folder of its own below it.
        revision: commit, tag or branch.

    Raises:
        MissingModelError: the hub is unreachable or has no such model.
        NotReadyError: the disk has no room.
    """
    if name == E5_SMALL:
        directory = ensure_e5_small(target)
        return PulledModel(directory, f"VKFLOW_TEXT__ENCODER={directory}")
    is_clip = ":" in name
    repository = _clip_repository(name) if is_clip else name
    directory = target / name.replace("/", "--").replace(":", "--")
    _download(repository, directory, revision)
    if is_clip:
        return PulledModel(directory, f"VKFLOW_IMAGES__TAGGER=local-dir:{directory}")
    return PulledModel(directory, f"VKFLOW_TEXT__ENCODER={directory}")


def _download(repository: str, directory: Path, revision: str | None) -> None:
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(
            repository,
            revision=revision,
            local_dir=directory,
            allow_patterns=list(FILES),
            ignore_patterns=list(NOT_NEEDED),
        )
    # The client raises many kinds of errors for "no network" and "no such model".
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MissingModelError(
            f"{repository} cannot be fetched from the model hub: {reason} Check the name and this "
            f"machine's access to the internet; on one that has it, run the same command and "
            f"copy {directory} here."
        ) from error


def _clip_repository(name: str) -> str:
    from open_clip import get_pretrained_cfg

    model, _, pretrained = name.partition(":")
    configuration = get_pretrained_cfg(model, pretrained)
    repository = str(configuration.get("hf_hub", "")).strip("/")
    if not repository:
        raise MissingModelError(
            f"open_clip knows no weights {name} on the model hub; "
            f"`python -c 'import open_clip; print(open_clip.list_pretrained())'` lists them"
        )
    return repository
