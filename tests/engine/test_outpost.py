# SPDX-License-Identifier: AGPL-3.0-only
"""On a node files are the copies that the head has sent; anywhere else nothing is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine import outpost
from engine.records import Dataset
from engine.runs.imports import open_dataset
from engine.store.repository import PARTS, Repository


class FakeHead:
    """A head that has whatever lies below `/data` and its weights."""

    home = Path("/head/home")

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def files(self, paths: Sequence[str]) -> Mapping[str, str]:
        self.asked.append(list(paths))
        return {each: f"/copies{each}" for each in paths if each.startswith(("/data", "/head/home/weights"))}

    def dataset(self, source: str) -> Dataset:
        return Dataset(name=f"of {source}", source=source, class_names=(), images=())

    def stored(self, part: str, method: str, *values: Any, **named: Any) -> Any:
        return part, method, values, named


@pytest.fixture
def head() -> Iterator[FakeHead]:
    asked = FakeHead()
    outpost.report_to(asked)
    yield asked
    outpost.report_to(None)


def test_without_a_head_paths_stay() -> None:
    assert outpost.head() is None
    outpost.bring(["/data/a"])
    assert outpost.here(Path("/data/a")) == Path("/data/a")


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("demo", "demo"),
        ("/data/a.png", "/copies/data/a.png"),
        ("/nowhere/a.png", "/nowhere/a.png"),
        ("{home}/jobs/1/patch.npy", "{home}/jobs/1/patch.npy"),
        ("{home}/weights/a.pt", "{home}/weights/a.pt"),
        ("/head/home/weights/a.pt", "{home}/weights/a.pt"),
    ],
)
def test_where_files_are_on_a_node(head: FakeHead, own_home: Path, path: str, there: str) -> None:
    assert outpost.here(Path(path.format(home=own_home))) == Path(there.format(home=own_home))


def test_weights_are_asked_for_by_their_place_on_the_head(head: FakeHead, own_home: Path) -> None:
    outpost.here(own_home / "weights/a.pt")
    assert head.asked == [["/head/home/weights/a.pt"]]


def test_many_files_are_brought_at_once(head: FakeHead) -> None:
    outpost.bring(["/data/a", "/data/b", "/data/a"])
    outpost.bring(["/data/a"])
    outpost.here(Path("/data/b"))
    assert head.asked == [["/data/a", "/data/b"]]


def test_datasets_and_records_are_the_heads(head: FakeHead) -> None:
    assert open_dataset("/data/coco").name == "of /data/coco"
    with Repository() as repository:
        assert repository.patches.get(3) == ("patches", "get", (3,), {})
        assert not hasattr(repository, "queue")
    with Repository(":memory:") as opened:
        assert set(PARTS) <= set(vars(opened))
