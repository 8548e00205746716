# SPDX-License-Identifier: AGPL-3.0-only
"""Mixed precision: which number format the forward pass computes in, and the gradient scaler it needs."""

from __future__ import annotations

import torch

from engine.errors import DeviceError

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def choose_precision(requested: str, device: torch.device) -> str:
    """`fp32`, `bf16` or `fp16` for a device.

    `auto` is bf16 where CUDA hardware has it, else fp32: processors without matrix units for bf16 compute
    it more slowly than fp32.

    Raises:
        DeviceError: the device cannot compute in the precision asked for.
    """
    on_cuda = device.type == "cuda"
    if requested == "auto":
        return "bf16" if on_cuda and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if requested == "fp16" and device.type == "cpu":
        raise DeviceError("precision: expected fp32 or bf16 on the CPU, got fp16; choose auto, or a GPU")
    return requested


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """The context in which the forward pass runs; it changes nothing for `fp32`."""
    return torch.autocast(
        device.type, dtype=_DTYPES.get(precision, torch.bfloat16), enabled=precision != "fp32"
    )


def make_scaler(precision: str, device: torch.device) -> torch.amp.GradScaler:
    """Scales losses so that fp16 gradients do not vanish; passes everything through otherwise."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")
