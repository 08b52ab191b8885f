"""Which device and which number format a model runs in."""

from typing import TYPE_CHECKING

from vkflow.errors import SettingsError

if TYPE_CHECKING:
    import torch


def resolve_device(device: str) -> str:
    """``cuda`` or ``cpu``.

    Args:
        device: ``auto``, ``cuda`` or ``cpu``.

    Raises:
        SettingsError: ``cuda`` is asked for and there is none.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError("device = cuda, but torch sees no CUDA device; use auto or cpu")
    return device


def resolve_precision(precision: str, device: str) -> str:
    """``bf16``, ``fp16`` or ``fp32``.

    bf16 is picked only where the hardware has it: emulated on a CPU it is six times slower.

    Args:
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        device: a resolved device.

    Raises:
        SettingsError: half precision on a CPU.
    """
    import torch

    if precision == "auto":
        bf16 = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if bf16 else "fp32"
    if precision != "fp32" and device == "cpu":
        raise SettingsError(f"precision = {precision} only slows a CPU down; use auto or fp32")
    return precision


def torch_dtype(precision: str) -> "torch.dtype":
    """The torch type of a resolved precision."""
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
