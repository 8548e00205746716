# SPDX-License-Identifier: AGPL-3.0-only
"""Memory: a peak measured in a process of its own."""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool

import pytest
import torch

from engine.benchmark import memory
from engine.errors import MemoryExhaustedError


@pytest.mark.slow
def test_a_process_of_its_own_holds_only_its_own(subject):
    ours = torch.ones(512 * 2**20)  # 2 GiB in this process
    assert 50 * 2**20 < memory.peak_memory(subject, batch_size=1) < ours.nbytes


@pytest.mark.parametrize("backend", ["native", "art"])
def test_the_work_of_the_process(subject, backend):
    config = subject.config.changed(backend=backend, batch_size=1, patch_width=16, patch_height=16)
    assert memory._peak_in_process(config, list(subject.records), subject.class_id, False) > 50 * 2**20


def test_a_process_that_the_system_ended_is_told(subject, monkeypatch):
    class Pool:
        def __init__(self, *args, **kwargs):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def submit(self, *work):
            raise BrokenProcessPool

    monkeypatch.setattr(memory, "ProcessPoolExecutor", Pool)
    with pytest.raises(MemoryExhaustedError, match="expected batches of 4 to fit into memory, got a process"):
        memory.peak_memory(subject, batch_size=4)
