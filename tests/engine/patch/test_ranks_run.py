# SPDX-License-Identifier: AGPL-3.0-only
"""Several processes make the patch that one makes, and end together when one of them ends."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import multiprocessing

from engine.errors import RanksError, SettingsError
from engine.patch.gradient import StepGradient
from engine.patch.run import PatchRun
from engine.patch.state import RunState
from engine.ranks import Ranks, joined_ranks
from tests.engine.patch.factories import begin, photographs, settings
from tests.fakes import FakeDetector

COUNTS = [1, 0, 2, 1, 3]
RUNS: dict[str, dict[str, Any]] = {
    "a batch for all": {"batch_size": 5, "view_size": 32},
    "batches smaller than the processes": {"batch_size": 1, "losses": {"object": 1.0, "tv": 0.5}},
    "several batches a step": {"batch_size": 2, "accumulate": 3, "optimizer": "adam"},
    "memory for two images": {"batch_size": 5},
}


def _run(name: str, folder: Path, ranks: Ranks) -> PatchRun:
    return begin(photographs(folder, COUNTS), settings(**RUNS[name]), ranks=ranks)


def _within_memory(own: StepGradient) -> None:
    """Let the second process have memory for two images, in whatever piece they are."""
    compute = own.of_piece

    def limited(piece):
        if piece.shown is not None and len(piece.shown) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return compute(piece)

    own.of_piece = limited  # type: ignore[method-assign]


def _processes(rank: int, port: int, folder: Path) -> None:
    """What each of two processes does; it keeps its patches in a file."""
    torch.set_num_threads(1)
    os.environ |= {"TORCHELASTIC_RUN_ID": "test", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    own = folder / str(rank)
    own.mkdir()
    kept: dict[str, Any] = {}
    with joined_ranks() as ranks:
        for name in RUNS:
            run = _run(name, own, ranks)
            if name == "memory for two images" and rank == 1:
                _within_memory(run.gradient)
            list(run.iterate())
            kept[name] = run.state.patch_chw, run.state.batch_limit, run.state.image_iterations
        kept["resumed"] = _resumed(own, ranks)
        kept["told"] = ranks.of_first(lambda: rank), ranks.any(rank == 1), ranks.any(False)
        try:
            begin(photographs(own, COUNTS), settings(losses={"total": 1.0}), ranks=ranks)
        except SettingsError as error:
            kept["refused"] = str(error)
        torch.save(kept, folder / f"{rank}.pt")
        if rank == 1:
            os._exit(0)  # as a process that is killed
        try:
            ranks.any(False)
        except RanksError as error:
            (folder / "ended").write_text(str(error), encoding="utf-8")


def _resumed(folder: Path, ranks: Ranks) -> torch.Tensor:
    """The patch of a run that stopped after its first step, and went on from its state."""
    config = settings(batch_size=2)
    first = begin(photographs(folder, COUNTS), config, ranks=ranks)
    next(first.iterate())
    state: RunState = first.state
    second = PatchRun(
        FakeDetector(),
        photographs(folder, COUNTS),
        config,
        class_id=0,
        state=state,
        batch_size=2,
        ranks=ranks,
    )
    list(second.iterate())
    return second.state.patch_chw


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> tuple[list[dict[str, Any]], Path]:
    """What two processes have kept, by rank, and their folder."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(_processes, args=(port, folder), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)], folder


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_make_the_patch_of_one(name, both, tmp_path):
    found, _ = both
    alone = _run(name, tmp_path, Ranks())
    list(alone.iterate())
    for patch_chw, _, images in (each[name] for each in found):
        assert torch.equal(patch_chw, found[0][name][0])
        assert images == alone.state.image_iterations
        if name != "memory for two images":  # pieces of a batch draw anew
            torch.testing.assert_close(patch_chw, alone.state.patch_chw, rtol=0, atol=1e-5)


def test_what_does_not_fit_into_one_process_is_halved_in_both(both):
    found, _ = both
    assert [each["memory for two images"][1] for each in found] == [2, 2]


def test_a_resumed_run_ends_in_the_same_bits(both, tmp_path):
    found, _ = both
    alone = begin(photographs(tmp_path, COUNTS), settings(batch_size=2))
    list(alone.iterate())
    assert torch.equal(found[0]["resumed"], found[1]["resumed"])
    torch.testing.assert_close(found[0]["resumed"], alone.state.patch_chw, rtol=0, atol=1e-5)


def test_all_hear_of_the_first(both):
    found, _ = both
    assert [each["told"] for each in found] == [(0, True, False)] * 2


def test_losses_that_do_not_add_up_are_refused_by_name(both):
    found, _ = both
    assert all("got total with ensemble mean" in each["refused"] for each in found)


def test_a_process_that_ends_is_noticed(both):
    _, folder = both
    message = (folder / "ended").read_text(encoding="utf-8")
    assert message.startswith("expected all processes of the run to continue, but one has ended")
