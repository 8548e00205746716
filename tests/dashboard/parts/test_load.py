# SPDX-License-Identifier: AGPL-3.0-only
"""The load over time: units of the axis, series of processor, memory and GPUs that come and go."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.i18n import speaking
from dashboard.parts.load import broken, longest_pause, series_of
from engine.hardware import Load
from tests.dashboard import reading


def page(first: float, last: float) -> None:
    from dashboard.parts.load import load_chart
    from engine.hardware import Load

    samples = [(1000.0 + at, Load(cpu=50.0, memory=10.0)) for at in (first, last)]
    load_chart(samples, zero=1000.0, span_s=(first, last), alt="Lines.")


@pytest.mark.parametrize(
    ("span", "title", "domain"),
    [
        ((-120.0, 0.0), "Seconds before now", [-120, 0]),
        ((-3600.0, 0.0), "Minutes before now", [-60, 0]),
        ((0.0, 86400.0), "Hours since start", [0, 24]),
        ((-7 * 86400.0, 0.0), "Days before now", [-7, 0]),
    ],
)
def test_the_axis_has_the_unit_that_fits(span: tuple[float, float], title: str, domain: list[float]) -> None:
    app = AppTest.from_function(page, args=span).run()
    assert not app.exception
    ((spec, alt, _data),) = reading.lines(app)
    assert (spec["encoding"]["x"]["title"], spec["encoding"]["x"]["scale"]["domain"]) == (title, domain)
    assert alt == "Lines."


def test_lines_break_where_nothing_was_sampled() -> None:
    assert broken([], {}, 1.0) == ([], {})
    ages, series = broken([0, 1, 5, 6, 9], {"CPU": [1, 2, 3, 4, 5]}, 2.0)
    assert ages == [0, 1, 3, 5, 6, 7.5, 9]
    assert series == {"CPU": [1, 2, None, 3, 4, None, 5]}


@pytest.mark.parametrize(
    ("ages", "length", "longest"),
    [
        ([], 60, 3.0),
        ([5], 60, 3.0),
        ([0, 10, 20, 60], 60, 30.0),  # a minute of a job's load, sampled every ten seconds
        ([0, 10, 20], 3600, 180.0),
    ],
)
def test_lines_are_whole_where_samples_are_as_usual(ages: list[float], length: float, longest: float) -> None:
    assert longest_pause(ages, length) == longest


def test_a_gpu_that_was_not_there_before_has_gaps() -> None:
    loads = [Load(cpu=1.0, memory=2.0), Load(cpu=3.0, memory=4.0, gpus=((90.0, None),))]
    with speaking("en"):
        assert series_of(loads) == {
            "CPU load": [1.0, 3.0],
            "Memory": [2.0, 4.0],
            "GPU 0": [None, 90.0],
            "GPU 0 memory": [None, None],
        }
