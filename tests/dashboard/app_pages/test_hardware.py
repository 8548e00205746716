# SPDX-License-Identifier: AGPL-3.0-only
"""The hardware page with and without GPUs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.services import advice
from dashboard.services import hardware as service
from engine import hardware
from engine.choices import Candidate, Choice
from engine.hardware import GpuProcess, GpuSnapshot
from engine.store.repository import Repository
from tests.dashboard import reading

UNKNOWN = GpuSnapshot(
    index=0,
    **dict.fromkeys(
        ("name", "utilisation_percent", "memory_used_bytes", "memory_total_bytes", "temperature_celsius")
    ),
    **dict.fromkeys(("power_watts", "power_limit_watts", "clock_mhz", "memory_clock_mhz", "fan_percent")),
    processes=None,
)
KNOWN = replace(
    UNKNOWN,
    index=1,
    name="Test GPU",
    utilisation_percent=73,
    memory_used_bytes=2**30,
    memory_total_bytes=2**33,
    temperature_celsius=61,
    processes=(GpuProcess(pid=4, name="python", memory_bytes=None),),
)

PLAIN = Candidate(precision="fp32", batch_size=8, compiled=False, images_per_s=25.0)
FAST = Candidate(precision="bf16", batch_size=8, compiled=True, images_per_s=44.0)
CHOICE = Choice(chosen=FAST, candidates=(PLAIN, FAST, replace(FAST, compiled=False, images_per_s=0.0)))
opened = partial(reading.opened, "hardware")


def use(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    machine = replace(hardware.snapshot(), **changes)
    monkeypatch.setattr(hardware, "snapshot", lambda: machine)


def test_without_a_gpu_it_says_so_and_shows_the_cpu(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, gpus=(), apple_gpu=False, cpu_percent=37.0)
    opened(app)
    assert "No NVIDIA GPU was found" in app.info[0].value
    figures = {each.label: each.value for each in app.metric}
    assert (figures["CPU load"], figures["Device"], figures["Precision"]) == ("37%", "CPU", "auto")


def test_the_load_is_drawn_into_the_same_chart(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    for percent in (0.0, 37.0):
        use(monkeypatch, gpus=(KNOWN,), cpu_percent=percent)
        service.snapshot.clear()
        drawn += reading.lines(opened(app))
    (spec, alt, data), (later_spec, later_alt, later_data) = drawn
    assert (spec, alt) == (later_spec, later_alt)
    assert data != later_data


def test_what_was_measured_for_auto_is_shown(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Measured settings" not in [each.value for each in opened(app).subheader]
    with Repository() as repository:
        repository.choices.put({"detector": "demo", "image_size": 320, "machine": "Test CPU"}, CHOICE)
    advice.measured_choices.clear()
    opened(app)
    assert "Measured settings" in [each.value for each in app.subheader]
    row = next(each.value for each in app.dataframe if "Fastest" in each.value).iloc[0]
    assert (row["Detector"], row["Device"], row["Image size"]) == ("demo", "Test CPU", "320 px")
    assert row["Fastest"] == "bf16, batch 8, compiled: 44 images/s"
    assert row["Others"] == "fp32, batch 8: 25 images/s; bf16, batch 8"


def test_an_apple_gpu_is_offered(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, gpus=(), apple_gpu=True)
    assert "mps" in opened(app).info[0].value


def test_gpus_are_shown_however_little_they_tell(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, gpus=(UNKNOWN, KNOWN), driver_version="1.2")
    opened(app)
    assert not app.info
    assert not app.error
    shown = [each.value for each in app.metric if each.label == "Utilisation"]
    assert shown == ["–", "73%"]  # noqa: RUF001
    assert any("GPU 1: Test GPU" in each.value for each in app.markdown)
    assert list(app.dataframe[0].value["Process"]) == ["python"]
