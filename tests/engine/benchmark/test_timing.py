# SPDX-License-Identifier: AGPL-3.0-only
import contextlib
import time

import pytest
import torch

from engine.benchmark.timing import alternate, device_seconds, median_interval


def test_no_sides_give_no_figures():
    assert alternate({}, rounds=3) == {}


def test_each_round_runs_every_side_once_beginning_with_another():
    calls = []

    def side(name):
        def measure():
            calls.append(name)
            return len(calls)

        return measure

    lines = []
    figures = alternate({name: side(name) for name in "abc"}, rounds=3, report=lines.append)
    assert "".join(calls) == "abcbcacababc"
    assert figures == {"a": [6, 8, 10], "b": [4, 9, 11], "c": [5, 7, 12]}  # the first round is discarded
    assert lines == ["Warm-up", "Round 1 of 3", "Round 2 of 3", "Round 3 of 3"]


@pytest.mark.parametrize(
    ("figures", "median"), [([2.0], 2.0), ([1.0, 9.0], 5.0), ([3.0, 1.0, 2.0], 2.0), ([1.0] * 5, 1.0)]
)
def test_median_with_an_interval_that_holds_it(figures, median):
    interval = median_interval(figures)
    assert interval.value == median
    assert min(figures) <= interval.low <= median <= interval.high <= max(figures)


@pytest.mark.parametrize(
    ("figures", "low", "high"),
    [
        ([5], 5, 5),
        (range(3), 0, 2),
        (range(8), 0, 7),
        (range(9), 1, 7),
        (range(15), 3, 11),
        (range(20), 5, 14),
    ],
)
def test_interval_is_that_of_order_statistics(figures, low, high):
    """Bounds as in tables of the sign test."""
    interval = median_interval([float(each) for each in figures][::-1])
    assert (interval.low, interval.high) == (low, high)


def test_interval_narrows_with_agreement():
    wide, narrow = median_interval([1, 5, 9, 2, 8]), median_interval([5, 5.1, 4.9, 5, 5])
    assert narrow.high - narrow.low < wide.high - wide.low


class FakeCuda:
    """Stands in for `torch.cuda`: events that read a clock which the work moves on."""

    def __init__(self):
        self.now_ms, self.told = 0.0, []

    def device(self, device):
        self.told.append(str(device))
        return contextlib.nullcontext()

    def Event(self, *, enable_timing):
        assert enable_timing
        return FakeEvent(self)


class FakeEvent:
    def __init__(self, cuda):
        self.cuda, self.at_ms, self.waited = cuda, None, False

    def record(self):
        self.at_ms = self.cuda.now_ms

    def synchronize(self):
        self.waited = True

    def elapsed_time(self, end):
        assert end.waited  # torch raises where an event has not happened yet
        return end.at_ms - self.at_ms


def test_device_time_on_cuda_is_what_its_events_say(monkeypatch):
    cuda = FakeCuda()
    monkeypatch.setattr(torch, "cuda", cuda)

    def work():
        cuda.now_ms += 250

    work()
    assert device_seconds(work, torch.device("cuda:1")) == 0.25
    assert cuda.told == ["cuda:1"]


def test_device_time_elsewhere_is_the_clocks(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", iter([2.0, 5.0]).__next__)
    calls = []
    assert device_seconds(lambda: calls.append("done"), torch.device("cpu")) == 3.0
    assert calls == ["done"]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_device_time_waits_for_the_device():
    numbers = torch.rand(4096, 4096, device="cuda")
    short, long = (
        device_seconds(lambda n=n: [numbers @ numbers for _ in range(n)], numbers.device) for n in (2, 40)
    )
    assert 0 < short < long
