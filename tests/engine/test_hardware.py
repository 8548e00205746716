# SPDX-License-Identifier: AGPL-3.0-only
"""The snapshot reads what is there; each GPU field may fail alone; torch stays out."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import types
from collections import namedtuple

import pytest

from engine import hardware
from engine.hardware import snapshot


class NVMLError(Exception):
    pass


def fake_nvml(failing: set[str] = frozenset(), gpus: int = 1) -> types.ModuleType:
    """An NVML whose functions of these names raise."""
    answers = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: gpus,
        "nvmlSystemGetDriverVersion": lambda: b"580.1",
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: f"GPU {handle}",
        "nvmlDeviceGetUtilizationRates": lambda handle: types.SimpleNamespace(gpu=70),
        "nvmlDeviceGetMemoryInfo": lambda handle: types.SimpleNamespace(used=3, total=8),
        "nvmlDeviceGetTemperature": lambda handle, sensor: 55,
        "nvmlDeviceGetPowerUsage": lambda handle: 250_500,
        "nvmlDeviceGetEnforcedPowerLimit": lambda handle: 700_000,
        "nvmlDeviceGetClockInfo": lambda handle, clock: 1000 + clock,
        "nvmlDeviceGetFanSpeed": lambda handle: 40,
        "nvmlDeviceGetComputeRunningProcesses": lambda handle: [
            types.SimpleNamespace(pid=2**30, usedGpuMemory=None)
        ],
    }

    def refuse(*arguments):
        raise NVMLError

    module = types.ModuleType("pynvml")
    module.__dict__.update({name: refuse if name in failing else answer for name, answer in answers.items()})
    module.__dict__.update(NVMLError=NVMLError, NVML_TEMPERATURE_GPU=0, NVML_CLOCK_SM=1, NVML_CLOCK_MEM=2)
    return module


FIELDS = {
    "nvmlDeviceGetName": {"name"},
    "nvmlDeviceGetUtilizationRates": {"utilisation_percent"},
    "nvmlDeviceGetMemoryInfo": {"memory_used_bytes", "memory_total_bytes"},
    "nvmlDeviceGetTemperature": {"temperature_celsius"},
    "nvmlDeviceGetPowerUsage": {"power_watts"},
    "nvmlDeviceGetEnforcedPowerLimit": {"power_limit_watts"},
    "nvmlDeviceGetClockInfo": {"clock_mhz", "memory_clock_mhz"},
    "nvmlDeviceGetFanSpeed": {"fan_percent"},
    "nvmlDeviceGetComputeRunningProcesses": {"processes"},
}
ALL_FIELDS = set().union(*FIELDS.values())


@pytest.mark.parametrize(
    ("text", "model", "flags"),
    [
        ("", None, set()),
        ("model name\t: A 1\nflags\t\t: fpu avx512_bf16\nflags : fpu\n", "A 1", {"fpu", "avx512_bf16"}),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", None, {"fp", "asimd", "bf16"}),
    ],
)
def test_what_linux_tells_of_the_processor(monkeypatch, text, model, flags):
    monkeypatch.setattr("engine.hardware.Path.read_text", lambda path, **options: text)
    monkeypatch.setattr(hardware, "_version", lambda package: None)  # which is read from files too, once
    assert hardware.cpu_flags() == flags
    assert model in (None, hardware.machine_model("cpu"))


@pytest.mark.parametrize(
    ("device", "model"), [("cuda", "GPU 0"), ("cuda:1", "GPU 1"), ("cuda:7", "GPU"), ("cpu", "")]
)
def test_the_model_of_a_device(monkeypatch, device, model):
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(gpus=2))
    assert hardware.machine_model(device) == (model or hardware.snapshot().cpu_model)


@pytest.mark.parametrize("module", [None, fake_nvml({"nvmlInit"}), fake_nvml(gpus=0)])
def test_no_gpu(monkeypatch, module):
    monkeypatch.setitem(sys.modules, "pynvml", module)
    assert snapshot().gpus == ()


def test_a_gpu_in_full(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(gpus=2))
    found = snapshot()
    assert found.driver_version == "580.1"
    assert [gpu.name for gpu in found.gpus] == ["GPU 0", "GPU 1"]
    gpu = found.gpus[0]
    assert (gpu.utilisation_percent, gpu.memory_used_bytes, gpu.memory_total_bytes) == (70, 3, 8)
    assert (gpu.power_watts, gpu.power_limit_watts, gpu.temperature_celsius) == (250.5, 700, 55)
    assert (gpu.clock_mhz, gpu.memory_clock_mhz, gpu.fan_percent) == (1001, 1002, 40)
    assert gpu.processes == (hardware.GpuProcess(pid=2**30, name=None, memory_bytes=None),)


@pytest.mark.parametrize(
    ("function", "fields"), [*FIELDS.items(), ("nvmlDeviceGetHandleByIndex", ALL_FIELDS)]
)
def test_each_field_fails_alone(monkeypatch, function, fields):
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml({function}))
    (gpu,) = snapshot().gpus
    assert {name for name in ALL_FIELDS if getattr(gpu, name) is None} == fields


def test_a_function_that_an_old_nvml_lacks_is_none(monkeypatch):
    module = fake_nvml()
    del module.nvmlDeviceGetFanSpeed
    monkeypatch.setitem(sys.modules, "pynvml", module)
    assert snapshot().gpus[0].fan_percent is None


def test_this_machine():
    found = snapshot()
    assert found.cpu_model
    assert 0 < found.memory_used_bytes < found.memory_total_bytes
    assert found.disk_free_bytes <= found.disk_total_bytes
    assert {"torch", "numpy", "ultralytics"} <= set(found.versions)
    assert json.loads(json.dumps(found.to_json()))["platform"] == found.platform


def test_the_load_is_that_since_whichever_thread_asked_last(monkeypatch):
    Times = namedtuple("Times", "user idle iowait guest")
    moments = iter([Times(10, 90, 0, 5), Times(13, 94, 3, 8), Times(13, 94, 3, 8), Times(15, 94, 3, 8)])
    monkeypatch.setattr("psutil.cpu_times", lambda: next(moments))
    load, told = hardware._CpuLoad(), []
    for _ in range(3):
        thread = threading.Thread(target=lambda: told.append(load.percent()))
        thread.start()
        thread.join()
    assert told == pytest.approx([30, 30, 100])
    monkeypatch.setattr("psutil.cpu_times", lambda: Times(25, 124, 3, 8))
    assert load.percent() == pytest.approx(25)


def test_a_disk_that_cannot_be_read_is_none(monkeypatch):
    def fail(path: str):
        raise PermissionError(path)

    monkeypatch.setattr(hardware.psutil, "disk_usage", fail)
    assert snapshot().disk_free_bytes is None


def test_packages_that_are_not_installed_are_left_out(monkeypatch):
    monkeypatch.setattr(hardware, "PACKAGES", ("no-such-package-here", "numpy"))
    assert set(snapshot().versions) == {"numpy"}


def test_importing_and_reading_load_no_torch():
    code = "import sys, engine.hardware as h; h.snapshot(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
