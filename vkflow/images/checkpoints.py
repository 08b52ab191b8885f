"""Finding and loading open_clip checkpoints: the sample one, open_clip's own, or a directory."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vkflow.errors import MissingModelError, SettingsError
from vkflow.images.preparation import Preprocess
from vkflow.neural.weights import Shapes, check_files, is_larger, tensor_shapes

SAMPLE_DIRECTORY = Path(__file__).parents[1] / "sample" / "clip"
LOCAL_PREFIX = "local-dir:"

CONFIG_FILE = "open_clip_config.json"
WEIGHTS_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
"""Safetensors only: open_clip would also unpickle a .bin file, and pickle can run code."""

PATCH = 32
"""Pixels of the side of a patch where none is said: each has a row among the weights."""

NO_CODE = {"trust_remote_code": False}


@dataclass(frozen=True)
class Checkpoint:
    """A model in evaluation mode and what belongs to it.

    Attributes:
        name: Model and weights, such as `ViT-L-14:openai` or `local:3f0c9a1b2d4e`.
        preprocessing: Size, resize mode and interpolation, such as `224-shortest-bicubic-draft`:
            large JPEGs are decoded at a fraction of their size.
        min_side: Pixels of the longer side of what the model looks at.
        model: The open_clip model, on its device.
        preprocess: From an image to a float32 tensor (3, height, width).
        tokenize: From texts to int64 token ids (n, context_length).
    """

    name: str
    preprocessing: str
    min_side: int
    model: Any
    preprocess: Preprocess
    tokenize: Callable[[list[str]], Any]


def load_checkpoint(tagger: str, device: str) -> Checkpoint:
    """Load what a tagger's name stands for; see `vkflow.images.tagger.load_tagger`.

    Raises:
        SettingsError: The name is misspelt.
        MissingModelError: There are no weights, or they cannot be downloaded or read.
    """
    if tagger == "sample":
        return _load_directory("sample", SAMPLE_DIRECTORY, device)
    if tagger.startswith(LOCAL_PREFIX):
        directory = Path(tagger.removeprefix(LOCAL_PREFIX)).expanduser()
        return _load_directory("local", directory, device)
    model_name, pretrained = _split(tagger)
    return _load(tagger, model_name, pretrained, device)


def _load_directory(kind: str, directory: Path, device: str) -> Checkpoint:
    weights = next((directory / f for f in WEIGHTS_FILES if (directory / f).is_file()), None)
    if weights is None or not (directory / CONFIG_FILE).is_file():
        raise MissingModelError(
            f"{directory} is not a CLIP model: it needs {CONFIG_FILE} and {WEIGHTS_FILES[0]}. "
            "Save one with open_clip.push_to_hf_hub's save_for_hf, or copy it from its hub page."
        )
    check_files(directory)
    shapes = _check_sides(directory / CONFIG_FILE, weights)
    with weights.open("rb") as file:
        fingerprint = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    return _load(f"{kind}:{fingerprint}", f"{LOCAL_PREFIX}{directory}", None, device, shapes)


def _check_sides(config: Path, weights: Path) -> Shapes:
    """See that no number of a configuration is larger than its weights let it be.

    Returns:
        Those of the weights.

    Raises:
        MissingModelError: it has more layers than the weights have parts, or a side longer than
            any of theirs; such a model takes what memory there is.
    """
    from safetensors import SafetensorError

    try:
        shapes = tensor_shapes([weights])
        longest = max((side for shape in shapes for side in shape), default=0)
        described = json.loads(config.read_bytes())
        patches = (number for name, number in _numbers(described) if name == "patch_size")
        patch = max(1, min(patches, default=PATCH))
        for name, number in _numbers(described):
            needed = (number // patch) ** 2 if name in ("image_size", "size") else number
            if needed > (len(shapes) if name == "layers" else longest):
                raise ValueError(f"{name} is {number}, more than its weights have")
    except (SafetensorError, ValueError, RecursionError) as error:
        raise MissingModelError(_advice(str(config.parent), None, error)) from error
    return shapes


def _numbers(value: object, name: str = "") -> Iterator[tuple[str, int]]:
    """Whole numbers of a configuration, and what they are called; those of a list by its name."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _numbers(each, str(key))
    elif isinstance(value, list):
        for each in value:
            yield from _numbers(each, name)
    elif isinstance(value, int):
        yield name, value


def _split(tagger: str) -> tuple[str, str]:
    """Model name and pretrained tag, both known to open_clip."""
    import open_clip

    model_name, colon, pretrained = tagger.partition(":")
    if not colon:
        raise SettingsError(
            f"Tagger {tagger!r} is not understood. Use sample, none, MODEL:PRETRAINED "
            f"(such as ViT-L-14:openai) or {LOCAL_PREFIX}PATH."
        )
    _check_known(model_name, open_clip.list_models(), "CLIP model")
    tags = open_clip.list_pretrained_tags_by_model(model_name)
    _check_known(pretrained, tags, f"pretrained tag of {model_name}")
    return model_name, pretrained


def _check_known(name: str, known: list[str], kind: str) -> None:
    if name not in known:
        close = ", ".join(get_close_matches(name, known, cutoff=0.4) or sorted(known)[:5])
        raise SettingsError(f"{name!r} is not a {kind} that open_clip knows. Close to it: {close}.")


def _load(
    name: str,
    model_name: str,
    pretrained: str | None,
    device: str,
    shapes: Shapes | None = None,
) -> Checkpoint:
    import open_clip

    try:
        texts = open_clip.get_model_config(model_name)["text_cfg"]
        _refuse_code(texts)
        if shapes is not None:
            _check_size(model_name, shapes)
        # Without require_pretrained, missing weights only warn and leave a random model.
        model, _, preprocess = open_clip.create_model_and_transforms(
            model_name, pretrained, device=device, require_pretrained=True
        )
        tokenizer = _load_tokenizer(texts, model_name)
    except Exception as error:  # every hub, socket and file error there is
        raise MissingModelError(_advice(name, pretrained, error)) from error
    return Checkpoint(
        name=name,
        preprocessing=_describe(model.visual.preprocess_cfg),
        min_side=max(_sides(model.visual.preprocess_cfg)),
        model=model.eval(),
        preprocess=preprocess,
        tokenize=tokenizer,
    )


def _refuse_code(texts: dict[str, Any]) -> None:
    """See that a text tower of transformers needs no code of its own, which it would ask to run."""
    if tower := texts.get("hf_model_name"):
        from transformers import AutoConfig

        AutoConfig.from_pretrained(tower, **NO_CODE)


def _check_size(model_name: str, shapes: Shapes) -> None:
    """See that a model is no larger than its weights, of such shapes, before it takes memory.

    Raises:
        ValueError: it is.
    """
    import open_clip
    import torch

    root, is_heard = logging.getLogger(), lambda _record: False
    root.addFilter(is_heard)  # open_clip warns of numbers that are drawn by chance
    try:
        with torch.device("meta"):
            model = open_clip.create_model(
                model_name, device="meta", load_weights=False, pretrained_text=False
            )
    finally:
        root.removeFilter(is_heard)
    if is_larger(model, shapes):
        raise ValueError("the model it describes is larger than its weights")


def _load_tokenizer(texts: dict[str, Any], model_name: str) -> Any:
    """A tokenizer of transformers runs what its configuration asks for, unless told not to."""
    import open_clip

    is_of_transformers = bool(texts.get("hf_tokenizer_name"))
    return open_clip.get_tokenizer(model_name, **(NO_CODE if is_of_transformers else {}))


def _advice(name: str, pretrained: str | None, error: Exception) -> str:
    if pretrained is None:
        return f"CLIP model {name} is damaged or does not fit its {CONFIG_FILE}: {error}"
    return (
        f"CLIP model {name} is not on this machine and could not be downloaded: {error} "
        "Run once with access to the model hub, or download it elsewhere and use "
        f"{LOCAL_PREFIX}PATH, or set the tagger to none."
    )


def _describe(preprocessing: dict[str, Any]) -> str:
    size = preprocessing["size"]
    pixels = size if isinstance(size, int) else "x".join(map(str, size))
    return f"{pixels}-{preprocessing['resize_mode']}-{preprocessing['interpolation']}-draft"


def _sides(preprocessing: dict[str, Any]) -> list[int]:
    size = preprocessing["size"]
    return [size] if isinstance(size, int) else list(size)
