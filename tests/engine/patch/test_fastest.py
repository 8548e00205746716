# SPDX-License-Identifier: AGPL-3.0-only
"""The fastest way to compute steps, on a detector whose passes take as long as a test says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.choices import Candidate
from engine.patch import fastest
from engine.patch.fastest import difference, find_fastest, plainest, undecided
from engine.patch.gradient import Gradient
from tests.engine.patch.factories import photographs, settings
from tests.fakes import FakeDetector

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("whole_batches")


class TimedDetector(FakeDetector):
    """Moves its clock by the seconds of a pass in fp32, in bf16, and in compiled code."""

    def __init__(self, fp32=1.0, bf16=1.0, compiled=1.0, bf16_factor=1.0, error=None):
        super().__init__()
        self.seconds = {"fp32": fp32, "bf16": bf16}
        self.compiled_share, self.bf16_factor, self.error = compiled / fp32, bf16_factor, error
        self.now, self.passes, self.in_compiled_code = 0.0, [], False

    def candidates(self, images_nchw, class_id, *, boxes=False):
        precision = "bf16" if torch.is_autocast_enabled("cpu") else "fp32"
        self.passes.append(precision)
        if self.error is not None and precision == "bf16":
            raise self.error
        self.now += self.seconds[precision] * (self.compiled_share if self.in_compiled_code else 1)
        found = super().candidates(images_nchw, class_id, boxes=boxes)
        if precision == "bf16":
            found = replace(found, logits=found.logits.float() * self.bf16_factor)
        return found


@pytest.fixture
def records(tmp_path):
    return photographs(tmp_path, [1, 2, 1, 3])


@pytest.fixture
def native(monkeypatch):
    """A device that computes bf16 natively."""
    monkeypatch.setattr(fastest, "native_precisions", lambda device: ("fp32", "bf16"))


def find(detector, records, **changes):
    config = settings(**changes)
    patch = torch.full((3, 16, 16), 0.5)
    found = find_fastest(detector, records, config, class_id=0, patch_chw=patch, clock=lambda: detector.now)
    assert torch.equal(patch, torch.full((3, 16, 16), 0.5))
    return found


@pytest.mark.parametrize(
    ("changes", "has_bf16", "expected"),
    [
        ({}, False, ()),
        ({}, True, ("precision",)),
        ({"precision": "fp32", "compile": "on"}, True, ()),
        ({"precision": "bf16", "batch_size": 0}, True, ("batch_size",)),
        ({"batch_size": 0, "batching": "sequential"}, False, ()),
        ({"batch_size": 0, "compile": "auto"}, True, ("precision", "batch_size", "compile")),
    ],
)
def test_what_is_left_to_a_measurement(monkeypatch, changes, has_bf16, expected):
    native = ("fp32", "bf16") if has_bf16 else ("fp32",)
    monkeypatch.setattr(fastest, "native_precisions", lambda device: native)
    assert undecided(settings(**changes), CPU) == expected


@pytest.mark.parametrize(
    ("changes", "way"),
    [
        ({}, ("fp32", 2, False)),
        ({"batch_size": 0}, ("fp32", fastest.USUAL_BATCH, False)),
        ({"batching": "sequential", "compile": "on", "precision": "bf16"}, ("bf16", 1, True)),
    ],
)
def test_what_needs_no_measurement_is_as_given(changes, way):
    assert plainest(settings(**changes), CPU).way == way


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(
    ("detector", "precision"),
    [
        ({"bf16": 1.0}, "fp32"),  # as fast: the simpler one
        ({"bf16": 0.97}, "fp32"),  # hardly faster
        ({"bf16": 0.5}, "bf16"),
        ({"bf16": 9.0}, "fp32"),
        ({"bf16": 0.5, "bf16_factor": 0.8}, "fp32"),  # fast, but another loss
        ({"bf16": 0.5, "bf16_factor": float("nan")}, "fp32"),
        ({"bf16": 0.5, "error": NotImplementedError("no kernel\nfor this")}, "fp32"),
    ],
)
def test_the_fastest_precision_that_agrees_is_taken(records, detector, precision):
    detector = TimedDetector(**detector)
    found = find(detector, records)
    assert found.chosen.way == (precision, 2, False)
    assert [each.precision for each in found.candidates] in (["fp32", "bf16"], ["bf16", "fp32"])
    assert found.elapsed_s == detector.now > 0
    (other,) = found.others
    assert bool(other.fault) is (detector.bf16_factor != 1 or detector.error is not None)
    assert other.fault == "no kernel" if detector.error else "no kernel" not in other.fault


def test_bf16_is_never_tried_where_it_is_not_native(records, monkeypatch):
    monkeypatch.setattr(fastest, "native_precisions", lambda device: ("fp32",))
    detector = TimedDetector(bf16=0.01)
    assert find(detector, records, batch_size=0).chosen.precision == "fp32"
    assert set(detector.passes) == {"fp32"}


@pytest.mark.usefixtures("native")
def test_what_was_given_is_not_changed(records):
    detector = TimedDetector(bf16=0.5)
    found = find(detector, records, precision="fp32", batch_size=0, compile="on")
    assert (found.chosen.precision, found.chosen.compiled, found.chosen.images_per_s) == ("fp32", True, 0.0)
    assert set(detector.passes) == {"fp32"}
    assert find(TimedDetector(bf16=0.5), records, compile="on").chosen.way == ("bf16", 2, True)


def test_a_batch_size_is_found_beside_the_rates_of_the_others(records):
    found = find(TimedDetector(), records, batch_size=0, precision="fp32")
    sizes = [each.batch_size for each in found.candidates]
    assert sizes[:2] == [1, 2]
    assert found.chosen in found.candidates
    assert found.chosen.images_per_s > 0


@pytest.mark.parametrize(
    ("seconds", "changes", "compiled"),
    [
        (0.5, {"iterations": 10_000}, True),
        (0.5, {"iterations": 9}, False),  # 18 s: not worth a try
        (0.5, {"iterations": 10_000, "time_limit_s": 500}, False),
        (0.98, {"iterations": 10_000}, False),
        (0.5, {"iterations": 10_000, "compiling": 9000.0}, True),  # saves 10,000 of 20,000 s
        (0.5, {"iterations": 10_000, "compiling": 12_000.0}, False),
    ],
)
def test_compiling_has_to_make_up_for_its_time(records, monkeypatch, seconds, changes, compiled):
    detector = TimedDetector(compiled=seconds)
    compiling_s = changes.pop("compiling", 20.0)

    def compile(function):
        detector.now += compiling_s

        def run(*arguments):
            detector.in_compiled_code = True
            try:
                return function(*arguments)
            finally:
                detector.in_compiled_code = False

        return run

    monkeypatch.setattr(torch, "compile", compile)
    found = find(detector, records, precision="fp32", compile="auto", **changes)
    assert found.chosen.way == ("fp32", 2, compiled)


def test_a_machine_without_a_compiler_does_without(records, monkeypatch):
    def compile(function):
        raise RuntimeError("expected a C++ compiler")

    monkeypatch.setattr(torch, "compile", compile)
    found = find(TimedDetector(), records, compile="auto", precision="fp32", iterations=10_000)
    assert found.chosen.way == ("fp32", 2, False)
    assert found.others == (
        Candidate(precision="fp32", batch_size=2, compiled=True, fault="expected a C++ compiler"),
    )


def test_timing_takes_a_small_share_of_a_time_limit(records, native):
    taken = [find(TimedDetector(0.01, 0.005), records, time_limit_s=each).elapsed_s for each in (0.0, 10.0)]
    assert taken[0] > fastest.SECONDS
    assert taken[1] < 1


def gradient(loss=1.0, *values):
    return Gradient(images=1, loss=loss, terms={}, gradient_chw=torch.tensor([values or (1.0, 1.0)]))


@pytest.mark.parametrize(
    ("others", "agrees"),
    [
        ([gradient()] * 3, True),
        ([gradient(1.02)] * 3, True),
        ([gradient(1.2), gradient(), gradient(0.8)], True),  # the same in the mean
        ([gradient(1.1)] * 3, False),
        ([gradient(), gradient(float("nan")), gradient()], False),
        ([gradient(1.0, 9.0, 9.0)] * 3, True),  # scaled, as for fp16
        ([gradient(1.0, -1.0, -1.0), gradient(), gradient()], True),  # a maximum lay elsewhere
        ([gradient(1.0, 1.0, -0.5)] * 3, False),
        ([gradient(1.0, float("inf"), 1.0)] * 3, False),
    ],
)
def test_tolerances(others, agrees):
    assert (difference([gradient()] * 3, others) == "") is agrees
