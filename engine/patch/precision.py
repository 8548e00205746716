# SPDX-License-Identifier: AGPL-3.0-only
"""Mixed precision: the number format of the forward pass and its gradient scaler."""

from __future__ import annotations

import torch

from engine.errors import DeviceError

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def choose_precision(requested: str, device: torch.device) -> str:
    """Choose `fp32`, `bf16` or `fp16` for a device.

    `auto` is bf16 on CUDA hardware that supports it, otherwise fp32: CPUs without matrix units for bf16 are
    slower with it.

    Raises:
        DeviceError: the device does not support the requested precision.
    """
    on_cuda = device.type == "cuda"
    if requested == "auto":
        return "bf16" if on_cuda and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if requested == "fp16" and device.type == "cpu":
        raise DeviceError("precision: expected fp32 or bf16 on the CPU, got fp16; choose auto, or a GPU")
    return requested


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """The autocast context of the forward pass, disabled for `fp32`."""
    return torch.autocast(
        device.type, dtype=_DTYPES.get(precision, torch.bfloat16), enabled=precision != "fp32"
    )


def make_scaler(precision: str, device: torch.device) -> torch.amp.GradScaler:
    """A scaler that prevents fp16 gradients from vanishing, disabled for other precisions."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")
