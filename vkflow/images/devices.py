"""Where the image tower runs, and in which number format."""

from typing import TYPE_CHECKING, Literal

from vkflow.errors import SettingsError

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16", "fp16", "auto"]
NumberFormat = Literal["fp32", "bf16", "fp16"]


def resolve_device(device: str) -> str:
    """The torch device for "cpu", "cuda", "cuda:N" or "auto" (a GPU when there is one).

    Raises:
        SettingsError: It is none of these, or there is no such GPU.
    """
    import torch

    n_gpus = torch.cuda.device_count()
    if device == "auto":
        return "cuda" if n_gpus else "cpu"
    kind, _, number = device.partition(":")
    if kind not in {"cpu", "cuda"} or (number and not number.isdigit()):
        raise SettingsError(f"Device {device!r} is unknown. Use cpu, cuda, cuda:N or auto.")
    if kind == "cuda" and int(number or 0) >= n_gpus:
        raise SettingsError(f"Device {device!r}: torch sees {n_gpus} GPUs. Use cpu or auto.")
    return device


def resolve_precision(precision: Precision, device: str) -> NumberFormat:
    """The number format; "auto" is bf16 on GPUs that have it and fp32 everywhere else.

    Raises:
        SettingsError: The format is unknown, or fp16 is asked for without a GPU.
    """
    import torch

    on_gpu = device.startswith("cuda")
    if precision == "auto":
        # bf16 on a CPU without bf16 units is several times slower than fp32.
        return "bf16" if on_gpu and torch.cuda.is_bf16_supported() else "fp32"
    if precision not in ("fp32", "bf16", "fp16"):
        raise SettingsError(f"Precision {precision!r} is unknown. Use fp32, bf16, fp16 or auto.")
    if precision == "fp16" and not on_gpu:
        raise SettingsError("Precision fp16 needs a GPU. Use fp32 or auto on the CPU.")
    return precision


def autocast(device: str, precision: NumberFormat) -> "torch.autocast":
    """A context in which matrix products run in `precision`; it works for every image tower.

    open_clip's own conversion of the weights fails for ResNet towers.
    """
    import torch

    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device.partition(":")[0], dtype, enabled=precision != "fp32")
