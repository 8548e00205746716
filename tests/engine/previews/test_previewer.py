# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.jobs.estimates import estimate
from engine.previews import pictures
from engine.previews import requests as previews
from engine.previews.previewer import run_previewer
from engine.runs.imports import open_dataset
from engine.runs.paths import preview_folder
from engine.store.repository import Repository


@pytest.fixture
def repository(blocks: Path) -> Iterator[Repository]:
    former = signal.getsignal(signal.SIGTERM)
    open_dataset(str(blocks))
    with Repository() as opened:
        yield opened
    signal.signal(signal.SIGTERM, former)


def test_without_requests_it_ends_by_itself(repository: Repository) -> None:
    assert run_previewer(idle_s=0.01) == 0


def test_a_second_one_ends_at_once() -> None:
    with previews.only_previewer():
        assert run_previewer(idle_s=3600) == 0


def test_answers_what_another_left(repository: Repository) -> None:
    request = previews.placement(
        repository, dataset="blocks", class_name="person", indices=[0], image_size=64
    )
    repository.previews.ask(request)
    repository.previews.claim()
    assert run_previewer(idle_s=0.3) == 1
    assert repository.previews.ask(request).state == "done"


def test_a_failure_is_told_and_leaves_no_pictures(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = {
        "kind": "placement",
        "dataset": ["none", ""],
        "indices": [0],
        "class_name": "person",
    }
    known = repository.previews.ask(request)
    assert run_previewer(idle_s=0.3) == 1
    failed = repository.previews.get(known.key)
    assert failed is not None
    assert failed.state == "failed"
    assert not preview_folder(known.key).exists()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(pictures, "answer", broken)
    repository.previews.ask(request, again=True)
    assert run_previewer(idle_s=0.3) == 1
    failed = repository.previews.get(known.key)
    assert failed is not None
    assert failed.error is not None
    assert "RuntimeError: out of luck; this is a bug, report" in failed.error


def test_costs_are_measured_in_a_process_of_their_own(
    repository: Repository, settings: Callable[..., RunConfig]
) -> None:
    config = settings(dataset="blocks")
    asked = repository.previews.ask(previews.costs(config))
    assert estimate(repository, config) is None
    assert run_previewer(idle_s=0.3) == 1
    answered = repository.previews.get(asked.key)
    assert answered is not None
    assert answered.answer is not None, answered.error
    assert answered.answer["images_per_s"] > 0
    estimated = estimate(repository, config)
    assert estimated is not None
    assert estimated.peak_memory_bytes == answered.answer["peak_memory_bytes"]
