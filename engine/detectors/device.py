# SPDX-License-Identifier: AGPL-3.0-only
"""Chooses torch's device: CUDA, then Apple's MPS, then the CPU, unless one is requested."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from engine.errors import DeviceError, MemoryExhaustedError

log = logging.getLogger(__name__)


def choose_device(requested: str | torch.device = "auto") -> torch.device:
    """Choose a device and log it at level INFO.

    Args:
        requested: `auto`, or torch's name of a device: `cpu`, `cuda`, `cuda:1`, `mps`.

    Raises:
        DeviceError: the device does not exist.
    """
    device = _automatic() if str(requested) == "auto" else _named(str(requested))
    log.info(
        "Device: %s (%s)", device, "chosen automatically" if str(requested) == "auto" else "as requested"
    )
    return device


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch ran out of memory; on the CPU it raises no specific class for that."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


@contextmanager
def require_memory(path: Path, device: torch.device) -> Iterator[None]:
    """A context that moves weights to a device, and says in one line if it is too small for them.

    Raises:
        MemoryExhaustedError: the device is full.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryExhaustedError(
            f"weights {path}: expected a detector that fits into the memory of {device}, "
            "got out of memory; stop other programs that use it, or choose another --device"
        ) from error


def _automatic() -> torch.device:
    """The best available device."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _named(requested: str) -> torch.device:
    """The device with this name if it is available; `cuda` becomes the current CUDA device."""
    available = _available()
    try:
        device = torch.device(requested)
    except (RuntimeError, ValueError):
        device = None
    if device is not None and device.type == "cuda" and device.index is None and torch.cuda.is_available():
        device = torch.device("cuda", torch.cuda.current_device())
    if device is None or str(device) not in available:
        expected = ", ".join(["auto", *available])
        raise DeviceError(
            f"device: expected one of {expected}, got {requested!r}; choose one that this machine has"
        )
    return device


def _available() -> list[str]:
    """The names of all devices of this machine."""
    names = [
        f"cuda:{index}" for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    ]
    return [*names, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]
