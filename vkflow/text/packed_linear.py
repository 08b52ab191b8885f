"""Linear layers for the CPU whose weights lie in memory as oneDNN multiplies them fastest.

torch's own ``Linear`` multiplies fp32 with MKL, which uses half of what an AMD core with AVX-512
can do; on Intel's with AVX-512 both are about alike. On cores with AVX2 alone MKL is a seventh
faster than oneDNN, on AMD's as well, and the layers stay as they are.
"""

from typing import Any

import torch

ROWS = 1_024
"""Rows of the inputs the weights are laid out for: a usual batch. Others work as well."""


class PackedLinear(torch.nn.Module):
    """The same product as a ``torch.nn.Linear`` in fp32, for inference only."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)
        self.bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """float32, shape (..., in) to (..., out)."""
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            inputs, self.weight, self.bias, "none", [], ""
        )
        return product


def gains_by_packing() -> bool:
    """Whether this CPU has AVX-512, and this build of torch oneDNN and its prepared products."""
    has_avx512: bool = torch.backends.cpu.get_cpu_capability() == "AVX512"
    has_onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return has_avx512 and has_onednn and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def pack_linear_layers(model: Any) -> None:
    """Replace every ``torch.nn.Linear`` of a model on the CPU, in place."""
    for name, layer in list(model.named_modules()):
        if type(layer) is torch.nn.Linear:
            parent, _, own_name = name.rpartition(".")
            setattr(model.get_submodule(parent), own_name, PackedLinear(layer))
