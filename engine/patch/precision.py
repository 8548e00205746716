# SPDX-License-Identifier: AGPL-3.0-only
"""Mixed precision: the number format of the forward pass and its gradient scaler."""

from __future__ import annotations

import torch

from engine import hardware
from engine.errors import DeviceError

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # the last one on Arm


def native_precisions(device: torch.device) -> tuple[str, ...]:
    """The precisions among fp32 and bf16 that a device computes natively, fp32 first; never raises.

    Emulated bf16 gives the same numbers, but on CPUs ten times slower. fp16 is left out: its losses have to
    be scaled, which skips steps.
    """
    probe = {"cuda": _cuda_has_bf16, "cpu": _cpu_has_bf16}.get(device.type)
    try:
        has_bf16 = probe is not None and probe()
    except Exception:  # drivers and private functions of torch may raise anything
        has_bf16 = False
    return ("fp32", "bf16") if has_bf16 else ("fp32",)


def _cuda_has_bf16() -> bool:
    return torch.cuda.is_bf16_supported(including_emulation=False)


def _cpu_has_bf16() -> bool:
    if hardware.cpu_flags() & _BF16_FLAGS:
        return True
    # Private, but the only source where there is no /proc/cpuinfo.
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in names)


def choose_precision(requested: str, device: torch.device) -> str:
    """Choose `fp32`, `bf16` or `fp16` for a device.

    `auto` is what is taken without measuring: bf16 on CUDA hardware that has it, otherwise fp32. Runs measure
    instead; see `engine.patch.fastest`.

    Raises:
        DeviceError: the device does not support the requested precision.
    """
    if requested == "auto":
        return native_precisions(device)[-1] if device.type == "cuda" else "fp32"
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
