# SPDX-License-Identifier: AGPL-3.0-only
"""What a process knows of the others; tests/engine/patch/test_ranks_run.py has real ones."""

from __future__ import annotations

import pytest
import torch

from engine.errors import SettingsError
from engine.ranks import ALONE, Ranks, device_of_rank, joined_ranks, launched, speaks

TORCHRUN = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "3"}


@pytest.mark.parametrize("images", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_each_image_is_computed_once_and_halves_are_shared_evenly(images, size):
    shares = [Ranks(rank=rank, size=size).share(images) for rank in range(size)]
    assert sorted(image for share in shares for image in share) == list(range(images))
    for half in (range(images // 2), range(images // 2, images)):
        counts = [len(set(share) & set(half)) for share in shares]
        assert max(counts) - min(counts) <= 1


def test_alone_everything_is_its_own():
    values = torch.arange(3.0)
    assert ALONE.leads
    assert ALONE.summed(values) is values
    assert (ALONE.any(True), ALONE.any(False)) == (True, False)
    assert ALONE.of_first(lambda: 4) == ALONE.first_alone(lambda: 4) == 4
    with joined_ranks() as ranks:
        assert ranks is ALONE
    assert device_of_rank("auto") == "auto"


@pytest.mark.parametrize(
    ("environment", "count", "speaking"),
    [
        ({}, 1, True),
        ({"RANK": "2", "WORLD_SIZE": "3"}, 1, True),  # another launcher's
        (TORCHRUN | {"RANK": "0"}, 3, True),
        (TORCHRUN | {"RANK": "1"}, 3, False),
    ],
)
def test_processes_are_counted_from_what_torchrun_sets(environment, count, speaking):
    assert launched(environment) == count
    assert speaks(environment) == speaking


def test_torchrun_without_its_variables():
    with pytest.raises(SettingsError, match="WORLD_SIZE: expected the number of processes"):
        launched({"TORCHELASTIC_RUN_ID": "x"})


@pytest.mark.parametrize(("gpus", "device"), [(0, "auto"), (2, "cuda:1")])
def test_each_process_has_its_own_gpu(gpus, device, monkeypatch):
    _pretend(monkeypatch, gpus)
    assert device_of_rank("auto") == device
    assert device_of_rank("cpu") == "cpu"


def test_more_processes_than_gpus(monkeypatch):
    _pretend(monkeypatch, 1)
    with pytest.raises(SettingsError, match="expected at most 1, one process per GPU, got 2 or more"):
        device_of_rank("cuda")


def _pretend(monkeypatch: pytest.MonkeyPatch, gpus: int) -> None:
    """The second of two processes on a machine with so many GPUs."""
    for name, value in (TORCHRUN | {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "set_device", lambda number: None)
