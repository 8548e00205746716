# SPDX-License-Identifier: AGPL-3.0-only
"""Random numbers that a seed decides: for the whole process, and an own stream for each purpose."""

from __future__ import annotations

import os
import random

import numpy as np
import torch


def seed_everything(seed: int, *, deterministic: bool = False) -> None:
    """Seed Python's, numpy's and torch's global generators.

    Args:
        seed: 0 to 2**32 - 1.
        deterministic: also have torch use deterministic algorithms only, and raise where there is none
            (`RuntimeError`). On CUDA the environment variable CUBLAS_WORKSPACE_CONFIG is set for it, which
            works only before the first CUDA call.

    Raises:
        ValueError: the seed is out of range.
    """
    random.seed(_checked(seed))
    np.random.seed(seed)  # noqa: NPY002  # libraries that we call draw from the global generator
    torch.manual_seed(seed)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if deterministic or torch.are_deterministic_algorithms_enabled():  # the call loads torch's compiler
        torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = False


def derived_seed(seed: int, *stream: int) -> int:
    """A 64-bit seed for one stream, independent of any other stream's.

    Args:
        seed: the run's seed, 0 to 2**32 - 1.
        stream: what it is for, as non-negative numbers: (purpose, iteration, …).

    Raises:
        ValueError: a seed or stream out of range.
    """
    if any(number < 0 for number in stream):
        raise ValueError(f"stream: expected numbers of 0 or more, got {stream}")
    sequence = np.random.SeedSequence(_checked(seed), spawn_key=stream)
    return int(sequence.generate_state(1, np.uint64)[0])


def generator(seed: int, *stream: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for one stream: the same numbers whenever and in whatever order it is asked for.

    A run that is resumed at an iteration makes that iteration's generator anew instead of restoring a state.
    On CUDA its numbers differ from those on the CPU. Arguments and errors as `derived_seed`.
    """
    return torch.Generator(device=device).manual_seed(derived_seed(seed, *stream))


def _checked(seed: int) -> int:
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed: expected 0 to {2**32 - 1}, got {seed}")
    return seed
