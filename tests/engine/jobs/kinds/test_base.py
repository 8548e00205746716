# SPDX-License-Identifier: AGPL-3.0-only
"""What holds of every kind of job, and what one that leaves all of it out does."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.errors import SettingsError
from engine.jobs.kinds import KINDS, Kind, making
from engine.jobs.kinds.benchmark import BenchmarkRequest
from engine.jobs.kinds.request import Request
from engine.store.repository import Repository


class Plain(Kind[Request]):
    name, help, title, request = "plain", "Do nothing.", "Nothing", Request

    def label(self, request: Request, facts: object) -> str:
        return "nothing"

    def work(self, request: Request, folder: Path, ledger: object) -> dict:
        return {}


@pytest.mark.parametrize(
    ("product", "names"),
    [
        ("nothing", []),
        ("weights", ["train", "harden"]),
        ("patch", ["generate"]),
        ("scores", ["evaluate"]),
        ("dataset", ["import"]),
        ("benchmark", ["benchmark"]),
    ],
)
def test_kinds_are_found_by_what_they_make(product: str, names: list[str]) -> None:
    assert making(product) == names


def test_every_kind_is_described() -> None:
    assert list(KINDS) == [
        *("generate", "evaluate", "import", "benchmark", "matrix", "train", "harden", "train-defence")
    ]
    for kind in KINDS.things():
        assert kind.help.endswith(".")
        assert kind.title
        assert kind.words
        assert kind.has_config is (kind.name not in ("import", "matrix"))


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(SettingsError, match=r"kind of job: expected one of benchmark, .*, got 'training'"):
        KINDS["training"]


def test_a_kind_may_leave_most_of_it_out() -> None:
    with KINDS.having(Plain()) as kind, Repository(":memory:") as repository:
        request = Request()
        assert (kind.device(request), kind.seed(request), kind.has_config) == ("auto", 0, False)
        assert (kind.estimate(repository, request), kind.scores({}), kind.uploads({})) == (None, None, [])


def test_device_and_seed_are_those_of_the_run() -> None:
    config = RunConfig(dataset="demo", weights="demo", device="cuda:1", seed=7)
    request = BenchmarkRequest(suite="floor", config=config)
    assert (KINDS["benchmark"].device(request), KINDS["benchmark"].seed(request)) == ("cuda:1", 7)
