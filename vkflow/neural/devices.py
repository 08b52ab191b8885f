"""Where models run, and in which number format."""

import platform
from typing import TYPE_CHECKING, Literal

from vkflow.errors import SettingsError

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "fp32", "bf16", "fp16"]
NumberFormat = Literal["fp32", "bf16", "fp16"]


def resolve_device(device: str) -> str:
    """The torch device for ``cpu``, ``cuda``, ``cuda:N`` or ``auto`` (a GPU when there is one).

    Raises:
        SettingsError: it is none of these, or there is no such GPU.
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


def device_name(device: str) -> str:
    """What a resolved device is: the GPU's name, or the CPU's kind and threads."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    kind = torch.cpu.get_capabilities().get("cpu_name") or platform.machine()
    return f"{kind} CPU, {torch.get_num_threads()} threads"


def resolve_precision(precision: str, device: str) -> NumberFormat:
    """The number format; ``auto`` is bf16 on GPUs that have it and fp32 everywhere else.

    Args:
        precision: ``auto``, ``fp32``, ``bf16`` (GPUs, and CPUs with units for it) or ``fp16``
            (GPU only).
        device: a resolved device.

    Raises:
        SettingsError: the format is unknown, or not for this device.
    """
    import torch

    on_gpu = device.startswith("cuda")
    match precision:
        case "auto":
            # On a CPU a person must ask for it: there the same home would else get other vectors
            # on another machine.
            has_bf16 = on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
            return "bf16" if has_bf16 else "fp32"
        case "fp16" if not on_gpu:
            raise SettingsError("Precision fp16 needs a GPU. Use fp32 or auto on the CPU.")
        case "bf16" if not on_gpu and not cpu_has_bf16():
            raise SettingsError(
                "Precision bf16: this CPU has no units for it, and would be several times slower "
                "than with fp32. Use fp32 or auto."
            )
        case "fp32" | "bf16" | "fp16":
            return precision
    raise SettingsError(f"Precision {precision!r} is unknown. Use auto, fp32, bf16 or fp16.")


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bf16 itself, instead of emulating it."""
    import torch

    found = torch.cpu.get_capabilities()
    return any(found.get(unit, False) for unit in ("avx512_bf16", "amx_bf16", "bf16"))


def autocast(device: str, precision: NumberFormat) -> "torch.autocast":
    """A context in which matrix products run in ``precision``; the weights stay as they are.

    Converting the weights instead fails for open_clip's ResNet towers.
    """
    import torch

    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device.partition(":")[0], dtype, enabled=precision in ("bf16", "fp16"))
