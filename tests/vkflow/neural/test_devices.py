"""Where models run: a GPU is picked up by itself; there is none here, so torch is told of one."""

import pytest
import torch

from vkflow.errors import SettingsError
from vkflow.neural.devices import device_name, resolve_device, resolve_precision


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"a GPU at {device}")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


def test_a_gpu_is_picked_up_with_bf16(one_gpu: None) -> None:
    assert resolve_device("auto") == "cuda"
    assert resolve_precision("auto", "cuda") == "bf16"
    assert device_name("cuda") == "a GPU at cuda"


def test_an_old_gpu_computes_in_fp32(one_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    assert resolve_precision("auto", "cuda") == "fp32"


def test_without_a_gpu_the_cpu_computes_in_fp32(no_gpu: None) -> None:
    assert resolve_device("auto") == "cpu"
    assert resolve_precision("auto", "cpu") == "fp32"
    assert device_name("cpu").endswith("threads")


def test_a_gpu_that_is_not_there_is_refused(one_gpu: None) -> None:
    assert resolve_device("cuda:0") == "cuda:0"
    with pytest.raises(SettingsError, match="sees 1 GPUs"):
        resolve_device("cuda:1")


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "mps"])
def test_unknown_devices_are_refused(device: str, no_gpu: None) -> None:
    with pytest.raises(SettingsError, match="is unknown"):
        resolve_device(device)


@pytest.mark.parametrize(
    ("precision", "device", "message"),
    [
        ("fp16", "cpu", "needs a GPU"),
        ("int8", "cpu", "is unknown"),
        ("bf16", "cpu", "has no units for it"),
        ("fp64", "cpu", "is unknown"),
    ],
)
def test_formats_the_device_does_not_have_are_refused(
    precision: str, device: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", dict)
    with pytest.raises(SettingsError, match=message):
        resolve_precision(precision, device)


def test_bf16_is_for_cpus_with_units_for_it_and_must_be_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx512_bf16": True})
    assert resolve_precision("bf16", "cpu") == "bf16"
    assert resolve_precision("auto", "cpu") == "fp32"
