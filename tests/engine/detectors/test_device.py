# SPDX-License-Identifier: AGPL-3.0-only
"""CUDA, then MPS, then the CPU, and what is said of a device that is not there."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from engine.detectors.device import choose_device, is_out_of_memory, require_memory
from engine.errors import DeviceError, MemoryExhaustedError


@pytest.fixture
def machine(monkeypatch):
    """Pretend a number of CUDA devices and whether there is MPS."""

    def pretend(cuda: int, mps: bool) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("cuda", "mps", "requested", "expected"),
    [
        (0, False, "auto", "cpu"),
        (0, True, "auto", "mps"),
        (1, False, "auto", "cuda:0"),
        (2, True, "auto", "cuda:0"),
        (2, True, "cpu", "cpu"),
        (2, True, "mps", "mps"),
        (2, False, "cuda", "cuda:0"),
        (2, False, "cuda:1", "cuda:1"),
        (1, False, torch.device("cuda"), "cuda:0"),
        (0, False, torch.device("cpu"), "cpu"),
    ],
)
def test_choice(machine, caplog, cuda, mps, requested, expected):
    machine(cuda, mps)
    with caplog.at_level(logging.INFO):
        assert str(choose_device(requested)) == expected
    assert f"Device: {expected}" in caplog.text


@pytest.mark.parametrize(
    ("cuda", "requested", "offered"),
    [
        (0, "", "auto, cpu"),
        (0, "cuda", "auto, cpu"),
        (0, "mps", "auto, cpu"),
        (0, "toaster", "auto, cpu"),
        (0, "meta", "auto, cpu"),
        (2, "cuda:2", "auto, cuda:0, cuda:1, cpu"),
    ],
)
def test_what_is_not_there_is_refused(machine, cuda, requested, offered):
    machine(cuda, False)
    with pytest.raises(DeviceError, match=f"expected one of {offered}, got '{requested}'"):
        choose_device(requested)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("expected a tensor of size 3"), False),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
    ],
)
def test_what_counts_as_out_of_memory(error, expected):
    assert is_out_of_memory(error) is expected


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("full"), RuntimeError("can't allocate memory: 1 PB")]
)
def test_a_detector_that_does_not_fit_is_one_line(error):
    with (
        pytest.raises(MemoryExhaustedError, match=r"weights net.pt: .* memory of cpu, got out of memory"),
        require_memory(Path("net.pt"), torch.device("cpu")),
    ):
        raise error


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shapes"), require_memory(Path("net.pt"), torch.device("cpu")):
        raise RuntimeError("shapes")
