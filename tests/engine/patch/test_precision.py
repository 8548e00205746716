# SPDX-License-Identifier: AGPL-3.0-only
"""Precisions: which is chosen where, what computes in it, when losses are scaled."""

from __future__ import annotations

import pytest
import torch

from engine.errors import DeviceError
from engine.patch.precision import autocast, choose_precision, make_scaler

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
