# SPDX-License-Identifier: AGPL-3.0-only
"""Seeded random numbers: for the whole process, and separate streams for each purpose."""

from __future__ import annotations

import os
import random

import numpy as np
import torch


def seed_everything(seed: int, *, deterministic: bool = False) -> None:
    """Seed Python's, numpy's and torch's global generators.

    Args:
        seed: 0 to 2**32 - 1.
        deterministic: let torch use only deterministic algorithms, or raise `RuntimeError` if there is none.
            For CUDA this sets the environment variable CUBLAS_WORKSPACE_CONFIG, which is effective only
            before the first CUDA call.

    Raises:
        ValueError: the seed is out of range.
    """
    random.seed(_checked(seed))
    np.random.seed(seed)  # noqa: NPY002  # libraries use the global generator
    torch.manual_seed(seed)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if deterministic or torch.are_deterministic_algorithms_enabled():  # the call loads torch's compiler
        torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = False


def derived_seed(seed: int, *stream: int) -> int:
    """A 64-bit seed for one stream, independent of other streams' seeds.

    Args:
        seed: the run's seed, 0 to 2**32 - 1.
        stream: non-negative numbers that identify the stream: (purpose, iteration, …).

    Raises:
        ValueError: the seed or the stream is out of range.
    """
    if any(number < 0 for number in stream):
        raise ValueError(f"stream: expected numbers of 0 or more, got {stream}")
    sequence = np.random.SeedSequence(_checked(seed), spawn_key=stream)
    return int(sequence.generate_state(1, np.uint64)[0])


def generator(seed: int, *stream: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A new generator for one stream, which always starts with the same numbers.

    A resumed run creates the generators of an iteration again instead of restoring their states. On CUDA the
    numbers differ from those on the CPU. See `derived_seed` for arguments and errors.
    """
    return torch.Generator(device=device).manual_seed(derived_seed(seed, *stream))


def _checked(seed: int) -> int:
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed: expected 0 to {2**32 - 1}, got {seed}")
    return seed
