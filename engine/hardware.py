# SPDX-License-Identifier: AGPL-3.0-only
"""A snapshot of the machine: GPUs by NVML; CPU, memory and disk by psutil. No torch."""

from __future__ import annotations

import platform
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import psutil

from engine.config import home_folder

PACKAGES = ("torch", "torchvision", "ultralytics", "adversarial-robustness-toolbox", "numpy")

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class GpuProcess:
    """A process that uses a GPU; its memory is None if the driver does not report it."""

    pid: int
    name: str | None
    memory_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class GpuSnapshot:
    """One NVIDIA GPU; fields that the driver does not report are None.

    Attributes:
        utilisation_percent: share of the last sample period in which a kernel ran, 0 to 100.
        fan_percent: 0 to 100 of the fan's full speed; None without a fan.
        processes: compute processes.
    """

    index: int
    name: str | None
    utilisation_percent: int | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    temperature_celsius: int | None
    power_watts: float | None
    power_limit_watts: float | None
    clock_mhz: int | None
    memory_clock_mhz: int | None
    fan_percent: int | None
    processes: tuple[GpuProcess, ...] | None


@dataclass(frozen=True, kw_only=True)
class HardwareSnapshot:
    """The machine at one moment. Percentages are 0 to 100; unavailable values are None.

    Attributes:
        gpus: NVIDIA GPUs; empty without any or without a driver.
        cpu_percent: load over all cores since this process's previous snapshot or start.
        disk_*: of the disk of PATCHBENCH_HOME.
        apple_gpu: whether this is an Apple machine whose GPU torch can use (MPS).
        versions: package → version, for installed packages.
    """

    gpus: tuple[GpuSnapshot, ...]
    driver_version: str | None
    apple_gpu: bool
    cpu_model: str
    cpu_cores: int | None
    cpu_threads: int | None
    cpu_percent: float
    memory_used_bytes: int
    memory_total_bytes: int
    disk_free_bytes: int | None
    disk_total_bytes: int | None
    platform: str
    python_version: str
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists for `json_text`."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Load:
    """How busy the machine is; percentages are 0 to 100.

    Attributes:
        cpu: over all cores since this process's previous look.
        memory: used, of all.
        gpus: of each NVIDIA GPU its utilisation and its memory used; None where that cannot be read.
    """

    cpu: float
    memory: float
    gpus: tuple[tuple[float | None, float | None], ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Load:
        """The reverse of `asdict` through JSON."""
        gpus = tuple((used, memory) for used, memory in values["gpus"])
        return cls(cpu=values["cpu"], memory=values["memory"], gpus=gpus)


def load() -> Load:
    """Read the load alone, which takes a few milliseconds."""
    memory = psutil.virtual_memory()
    used = memory.total - memory.available
    return _load(_CPU_LOAD.percent(), used, memory.total, _nvidia()[1])


def load_of(machine: HardwareSnapshot) -> Load:
    """The load that a snapshot tells of."""
    return _load(machine.cpu_percent, machine.memory_used_bytes, machine.memory_total_bytes, machine.gpus)


def _load(cpu_percent: float, used: int, total: int, gpus: tuple[GpuSnapshot, ...]) -> Load:
    return Load(
        cpu=round(cpu_percent, 1),
        memory=_percent(used, total) or 0.0,
        gpus=tuple(
            (gpu.utilisation_percent, _percent(gpu.memory_used_bytes, gpu.memory_total_bytes)) for gpu in gpus
        ),
    )


def _percent(used: int | None, total: int | None) -> float | None:
    return None if used is None or not total else round(100 * used / total, 1)


def snapshot() -> HardwareSnapshot:
    """Read everything at once without raising; unavailable values are None or left out."""
    memory = psutil.virtual_memory()
    disk = _attempt(lambda: psutil.disk_usage(str(_existing(home_folder()))), OSError)
    driver, gpus = _nvidia()
    return HardwareSnapshot(
        gpus=gpus,
        driver_version=driver,
        apple_gpu=platform.system() == "Darwin" and platform.machine() == "arm64",
        cpu_model=_cpu_model(),
        cpu_cores=psutil.cpu_count(logical=False),
        cpu_threads=psutil.cpu_count(),
        cpu_percent=_CPU_LOAD.percent(),
        memory_used_bytes=memory.total - memory.available,
        memory_total_bytes=memory.total,
        disk_free_bytes=disk.free if disk else None,
        disk_total_bytes=disk.total if disk else None,
        platform=platform.platform(),
        python_version=platform.python_version(),
        versions=_versions(),
    )


def machine_model(device: str) -> str:
    """The model name of the GPU or CPU that a device (`cuda:1`, `cpu`, `mps`) is."""
    machine = snapshot()
    if not device.startswith("cuda"):
        return machine.cpu_model
    index = int(device.partition(":")[2] or 0)
    return (machine.gpus[index].name if index < len(machine.gpus) else None) or "GPU"


def cpu_flags() -> frozenset[str]:
    """The processor's extensions as Linux names them (`avx512_bf16`; on Arm `bf16`); elsewhere none."""
    return frozenset(_cpu_info("flags", "Features").split())


class _CpuLoad:
    """The load since the last call in any thread; psutil's own is per thread, and 0 at first."""

    def __init__(self) -> None:
        self._lock, self._last, self._percent = threading.Lock(), psutil.cpu_times(), 0.0

    def percent(self) -> float:
        """Load over all cores, 0 to 100."""
        with self._lock:
            now = psutil.cpu_times()
            total = _counted_s(now) - _counted_s(self._last)
            if total > 0:  # the counters are updated a hundred times per second
                idle = _idle_s(now) - _idle_s(self._last)
                self._percent = min(max(100 * (1 - idle / total), 0.0), 100.0)
                self._last = now
            return self._percent


def _counted_s(times: Any) -> float:
    """Total seconds, without those of guests, which are included in user time."""
    return sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)


def _idle_s(times: Any) -> float:
    return times.idle + getattr(times, "iowait", 0.0)


_CPU_LOAD = _CpuLoad()


def _attempt(read: Callable[[], Value], *errors: type[Exception]) -> Value | None:
    """The result of `read`, or None if it raises one of these errors."""
    try:
        return read()
    except errors:
        return None


def _existing(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    return next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))


def _versions() -> dict[str, str]:
    """Installed versions, read without importing the packages."""
    versions = {name: _version(name) for name in PACKAGES}
    return {name: version for name, version in versions.items() if version is not None}


@cache
def _version(package: str) -> str | None:
    """Read once: what a process has imported stays as it is."""
    return _attempt(partial(metadata.version, package), metadata.PackageNotFoundError)


def _cpu_model() -> str:
    """The processor's name, from /proc/cpuinfo on Linux, otherwise from the platform module."""
    return _cpu_info("model name") or platform.processor() or platform.machine() or "unknown"


def _cpu_info(*names: str) -> str:
    """The first entry of these names in Linux's /proc/cpuinfo; empty without one."""
    lines = _attempt(lambda: Path("/proc/cpuinfo").read_text(errors="replace").splitlines(), OSError) or []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(names)), "")


_nvml_lock = threading.Lock()  # the dashboard reads in several threads


def _nvidia() -> tuple[str | None, tuple[GpuSnapshot, ...]]:
    """Driver version and GPUs; (None, ()) without NVIDIA's driver or pynvml."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # a deprecated package of the same name warns
            import pynvml
    except ImportError:
        return None, ()
    with _nvml_lock:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            return None, ()
        try:
            count = _attempt(pynvml.nvmlDeviceGetCount, pynvml.NVMLError) or 0
            driver = _attempt(pynvml.nvmlSystemGetDriverVersion, pynvml.NVMLError)
            return _text(driver), tuple(_gpu(pynvml, index) for index in range(count))
        finally:
            _attempt(pynvml.nvmlShutdown, pynvml.NVMLError)


def _gpu(nvml: Any, index: int) -> GpuSnapshot:
    """One GPU, reading each field separately because any may be unavailable."""
    handle = _attempt(lambda: nvml.nvmlDeviceGetHandleByIndex(index), nvml.NVMLError)

    def read(function: str, *arguments: Any) -> Any:
        if handle is None:
            return None
        return _attempt(lambda: getattr(nvml, function)(handle, *arguments), nvml.NVMLError, AttributeError)

    memory, power = read("nvmlDeviceGetMemoryInfo"), read("nvmlDeviceGetPowerUsage")
    limit = read("nvmlDeviceGetEnforcedPowerLimit")
    processes = read("nvmlDeviceGetComputeRunningProcesses")
    utilisation = read("nvmlDeviceGetUtilizationRates")
    return GpuSnapshot(
        index=index,
        name=_text(read("nvmlDeviceGetName")),
        utilisation_percent=None if utilisation is None else utilisation.gpu,
        memory_used_bytes=None if memory is None else memory.used,
        memory_total_bytes=None if memory is None else memory.total,
        temperature_celsius=read("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
        power_watts=None if power is None else power / 1000,
        power_limit_watts=None if limit is None else limit / 1000,
        clock_mhz=read("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
        memory_clock_mhz=read("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_MEM),
        fan_percent=read("nvmlDeviceGetFanSpeed"),
        processes=None if processes is None else tuple(map(_process, processes)),
    )


def _process(entry: Any) -> GpuProcess:
    """Convert NVML's entry, adding the process's name if psutil may read it."""
    name = _attempt(lambda: psutil.Process(entry.pid).name(), psutil.Error)
    return GpuProcess(pid=entry.pid, name=name, memory_bytes=entry.usedGpuMemory)


def _text(value: str | bytes | None) -> str | None:
    """Convert a text to str, as older versions of pynvml return bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
