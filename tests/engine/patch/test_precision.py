# SPDX-License-Identifier: AGPL-3.0-only
"""Precisions: which is chosen where, what computes in it, when losses are scaled."""

from __future__ import annotations

import pytest
import torch

from engine import hardware
from engine.errors import DeviceError
from engine.patch.precision import autocast, choose_precision, make_scaler, native_precisions

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("requested", "device", "has_bf16", "chosen"),
    [
        ("auto", "cpu", True, "fp32"),
        ("auto", "mps", True, "fp32"),
        ("auto", "cuda", True, "bf16"),
        ("auto", "cuda:1", False, "fp32"),
        ("fp32", "cuda", True, "fp32"),
        ("bf16", "cpu", False, "bf16"),
        ("bf16", "cuda", True, "bf16"),
        ("fp16", "cuda", True, "fp16"),
        ("fp16", "mps", False, "fp16"),
    ],
)
def test_choice(requested, device, has_bf16, chosen, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    assert choose_precision(requested, torch.device(device)) == chosen


def use_cpu(monkeypatch, flags=(), **predicates):
    """A processor with these flags, and a torch with these predicates alone."""
    monkeypatch.setattr(hardware, "cpu_flags", lambda: frozenset(flags))
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    for name, answer in predicates.items():
        monkeypatch.setattr(torch.cpu, name, lambda answer=answer: answer, raising=False)


@pytest.mark.parametrize(
    ("flags", "predicates", "native"),
    [
        ((), {}, ("fp32",)),  # no /proc/cpuinfo, and a torch that tells nothing
        (("avx2", "fma", "avx512f"), {"_is_avx512_bf16_supported": False}, ("fp32",)),
        (("avx512_bf16",), {}, ("fp32", "bf16")),
        (("amx_bf16", "amx_tile"), {}, ("fp32", "bf16")),
        (("asimd", "bf16"), {}, ("fp32", "bf16")),
        ((), {"_is_avx512_bf16_supported": True}, ("fp32", "bf16")),
        ((), {"_is_amx_tile_supported": True}, ("fp32", "bf16")),
    ],
)
def test_what_a_processor_computes_natively(monkeypatch, flags, predicates, native):
    use_cpu(monkeypatch, flags, **predicates)
    assert native_precisions(CPU) == native


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_probe_that_fails_finds_nothing(monkeypatch, device):
    def fail(*arguments, **options):
        raise AttributeError

    monkeypatch.setattr(hardware, "cpu_flags", fail)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", fail)
    assert native_precisions(torch.device(device)) == ("fp32",)


def test_fp16_on_the_cpu_is_refused():
    with pytest.raises(
        DeviceError, match="expected fp32 or bf16 on the CPU, got fp16; choose auto, or a GPU"
    ):
        choose_precision("fp16", CPU)


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_layers_compute_in_the_precision(precision, dtype):
    layer = torch.nn.Conv2d(3, 2, 1)
    with autocast(precision, CPU):
        assert layer(torch.zeros(1, 3, 4, 4)).dtype == dtype
    assert layer(torch.zeros(1, 3, 4, 4)).dtype == torch.float32


@pytest.mark.parametrize(("precision", "factor"), [("fp32", 1), ("bf16", 1), ("fp16", 65536)])
def test_losses_are_scaled_for_fp16_only(precision, factor):
    assert make_scaler(precision, CPU).scale(torch.tensor(2.0)).item() == 2 * factor
