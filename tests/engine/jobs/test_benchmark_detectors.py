# SPDX-License-Identifier: AGPL-3.0-only
"""A suite of one detector gets one, a suite of several gets all that there are, or says how to get more."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.detectors import demo_weights
from engine.detectors.demo_weights import embedded_file
from engine.errors import SettingsError
from engine.jobs.benchmark_detectors import for_all, with_detectors


def config(*weights: str) -> RunConfig:
    return RunConfig(dataset="demo", weights=weights[0], further_weights=weights[1:])


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Embedded weights that begin with `demo` alone."""
    monkeypatch.setattr(demo_weights, "PACKAGED_WEIGHTS", tmp_path)
    embedded_file("demo").touch()


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize(
    ("there", "name", "given", "found"),
    [
        ((), "floor", ("demo",), ("demo",)),
        (("demo-yolo11",), "floor", ("demo",), ("demo",)),
        (("demo-yolo11",), "transfer", ("demo",), ("demo", "demo-yolo11")),
        (("demo-yolo11", "demo-rcnn"), "transfer", ("demo",), ("demo", "demo-rcnn", "demo-yolo11")),
        (("demo-yolo11", "demo-rcnn"), "transfer", ("demo-yolo11", "demo"), ("demo-yolo11", "demo")),
        ((), "transfer", ("a.pt", "b.pt", "c.pt"), ("a.pt", "b.pt", "c.pt")),
    ],
)
def test_demo_alone_stands_for_all_where_several_are_measured(
    there: tuple[str, ...], name: str, given: tuple[str, ...], found: tuple[str, ...]
) -> None:
    for each in there:
        embedded_file(each).touch()
    assert with_detectors(name, config(*given)).all_weights == found


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("none", ("demo",), "suite: expected one of accumulate, .*, got 'none'"),
        (
            "floor",
            ("demo", "a.pt"),
            "^weights: expected one detector for the suite floor, got 2; run it once for",
        ),
        (
            "transfer",
            ("demo",),
            "^weights: expected at least 2 detectors for the suite transfer, got 1; "
            "make one with: python -m engine demo --retrain demo-rcnn$",
        ),
        ("transfer", ("a.pt",), "for the suite transfer, got 1; repeat --weights$"),
    ],
)
def test_too_few_and_too_many_are_refused(name: str, given: tuple[str, ...], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        with_detectors(name, config(*given))


@pytest.mark.usefixtures("embedded")
def test_where_all_are_run_each_takes_what_it_can() -> None:
    one, two = config("a.pt"), config("a.pt", "b.pt")
    assert (for_all("floor", one), for_all("floor", two)) == (one, one)
    assert (for_all("transfer", one), for_all("transfer", two)) == (None, two)
