# SPDX-License-Identifier: AGPL-3.0-only
"""The processes that compute one run together, as torchrun starts them, and what they tell each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import RanksError, SettingsError

if TYPE_CHECKING:
    from torch import Tensor

Value = TypeVar("Value")

TIMEOUT = timedelta(hours=6)
"""How long others wait for the first process, which alone measures, validates and scores."""


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process among those of a run; by default it is the only one, and everything here is free.

    All processes have to call the methods in the same order. Collective calls raise `RanksError` if another
    process has ended.

    Attributes:
        rank: its number, from 0; the first one records, validates, checkpoints and speaks.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether it is the first process."""
        return self.rank == 0

    def share(self, images: int) -> list[int]:
        """Which of a batch's images this process computes, maybe none.

        They are spread over the batch, so that each half of a batch is shared as evenly as the whole.
        """
        return list(range(self.rank, images, self.size))

    def summed(self, values: Tensor) -> Tensor:
        """The sum over all processes of a tensor of one shape, the same bits in each of them."""
        if self.size == 1:
            return values
        from torch import distributed

        total = values.clone()
        with _together():
            distributed.all_reduce(total)
        return total

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        if self.size == 1:
            return flag
        import torch

        return bool(self.summed(torch.tensor(float(flag))) > 0)

    def of_first(self, make: Callable[[], Value]) -> Value:
        """What the first process makes, told to all; the others make nothing.

        Raises:
            RanksError: the first process failed.
        """
        if self.size == 1:
            return make()
        import torch
        from torch import distributed

        told: list[Any] = [make() if self.leads else None]
        with _together():
            distributed.broadcast_object_list(told, src=0, device=torch.device("cpu"))
        return told[0]

    def first_alone(self, make: Callable[[], Value]) -> Value:
        """What each process makes for itself, the others after the first, which may have to prepare files."""
        if self.leads:
            made = make()
            self.of_first(lambda: None)
            return made
        self.of_first(lambda: None)
        return make()


ALONE = Ranks()


def launched(environment: Mapping[str, str] = os.environ) -> int:
    """The number of processes that torchrun has started; 1 without it.

    Raises:
        SettingsError: its variables are incomplete.
    """
    if "TORCHELASTIC_RUN_ID" not in environment:
        return 1
    try:
        return int(environment["WORLD_SIZE"])
    except (KeyError, ValueError) as error:
        raise SettingsError(
            "WORLD_SIZE: expected the number of processes that torchrun sets, got none; start with torchrun"
        ) from error


def speaks(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is the one that prints: the first of several."""
    return launched(environment) == 1 or environment.get("RANK") == "0"


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """A context in which this process is connected with the others that torchrun has started, if any."""
    if launched() == 1:
        yield ALONE
        return
    import torch
    from torch import distributed

    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, timeout=TIMEOUT)
    try:
        yield Ranks(rank=distributed.get_rank(), size=distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def device_of_rank(device: str) -> str:
    """The device of this process where the settings say `device`: each has the GPU of its number on its node.

    Raises:
        SettingsError: its node has too few GPUs.
    """
    if launched() == 1 or device == "cpu":
        return device
    import torch

    if not torch.cuda.is_available():
        return device
    number, found = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if number >= found:
        raise SettingsError(
            f"--nproc-per-node: expected at most {found}, one process per GPU, got {number + 1} or more"
        )
    torch.cuda.set_device(number)
    return f"cuda:{number}"


@contextmanager
def _together() -> Iterator[None]:
    """A collective call, which fails in the others when one process has ended."""
    try:
        yield
    except RuntimeError as error:
        raise RanksError(
            "expected all processes of the run to continue, but one has ended; the last checkpoint is kept"
        ) from error
