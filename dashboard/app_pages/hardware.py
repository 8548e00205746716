# SPDX-License-Identifier: AGPL-3.0-only
"""Hardware: what the machine is and does now, and which settings suit it."""

from __future__ import annotations

import time
from collections import deque

from dashboard import formats
from dashboard.components import controls, fact, live, page_title
from dashboard.drawing import Markdown, st
from dashboard.formats import DASH
from dashboard.i18n import _
from dashboard.page_state import chosen, kept
from dashboard.parts.cluster_nodes import cluster_nodes
from dashboard.parts.load import load_chart
from dashboard.parts.setting_names import choice_name
from dashboard.services import advice, hardware
from engine.choices import Candidate
from engine.hardware import GpuSnapshot, HardwareSnapshot, Load, load_of

HISTORY = 60  # samples
EVERY_S = 2.0
SHORTEST = "minutes"
SPANS = {SHORTEST: 0.0, "hour": 3600.0, "day": 86400.0, "week": 7 * 86400.0}  # seconds; 0: the session's own


def with_unit(value: float | None, unit: str) -> str:
    """A whole number with its unit, or a dash."""
    return DASH if value is None else f"{value:,.0f}{unit}" if unit == "%" else f"{value:,.0f} {unit}"


def gpu_card(gpu: GpuSnapshot) -> None:
    """One GPU's figures and processes."""
    with st.container(border=True):
        name = gpu.name or _("unknown GPU")
        st.markdown(Markdown("**GPU {index}: {name}**").format(index=gpu.index, name=name))
        top, bottom = st.columns(4), st.columns(4)
        top[0].metric(_("Utilisation"), with_unit(gpu.utilisation_percent, "%"))
        memory = f"{formats.bytes_text(gpu.memory_used_bytes)} / {formats.bytes_text(gpu.memory_total_bytes)}"
        top[1].metric(_("Memory"), memory)
        top[2].metric(_("Temperature"), with_unit(gpu.temperature_celsius, "°C"))
        top[3].metric(_("Fan"), with_unit(gpu.fan_percent, "%"))
        bottom[0].metric(_("Power"), with_unit(gpu.power_watts, "W"))
        bottom[1].metric(_("Power limit"), with_unit(gpu.power_limit_watts, "W"))
        bottom[2].metric(_("Clock"), with_unit(gpu.clock_mhz, "MHz"))
        bottom[3].metric(_("Memory clock"), with_unit(gpu.memory_clock_mhz, "MHz"))
        processes(gpu)


def processes(gpu: GpuSnapshot) -> None:
    """What computes on a GPU."""
    if gpu.processes is None:
        st.caption(_("The driver does not report which processes use it."))
    elif gpu.processes:
        rows = [
            {
                _("Process"): each.name or DASH,
                _("Number"): each.pid,
                _("Memory"): formats.bytes_text(each.memory_bytes),
            }
            for each in gpu.processes
        ]
        st.dataframe(rows, hide_index=True)
    else:
        st.caption(_("No processes are using it."))


def machine_card(machine: HardwareSnapshot) -> None:
    """CPU, memory and disk."""
    cpu, memory, disk = st.columns(3)
    cores = _("{cores} cores, {threads} threads").format(
        cores=machine.cpu_cores or DASH, threads=machine.cpu_threads or DASH
    )
    fact(cpu, _("CPU load"), with_unit(machine.cpu_percent, "%"), f"{machine.cpu_model} · {cores}")
    of_memory = _("of {total}").format(total=formats.bytes_text(machine.memory_total_bytes))
    fact(memory, _("Memory used"), formats.bytes_text(machine.memory_used_bytes), of_memory)
    of_disk = _("of {total}, on the disk that stores results").format(
        total=formats.bytes_text(machine.disk_total_bytes)
    )
    fact(disk, _("Disk free"), formats.bytes_text(machine.disk_free_bytes), of_disk)


def remember(machine: HardwareSnapshot) -> list[tuple[float, Load]]:
    """Add to the session's short history, which begins with what workers sampled."""
    if "hardware.history" not in st.session_state:
        st.session_state["hardware.history"] = deque(hardware.history(HISTORY * EVERY_S), maxlen=HISTORY)
    history = st.session_state["hardware.history"]
    history.append((time.time(), load_of(machine)))
    return list(history)


def history_chart(recent: list[tuple[float, Load]]) -> None:
    """The load of the last minutes, or of a longer time as workers sampled it.

    Args:
        recent: the session's own samples.
    """
    chosen_s = SPANS.get(chosen("hardware.span", SHORTEST), 0.0)
    span_s = chosen_s or HISTORY * EVERY_S
    newest = recent[-1][0]
    older = hardware.history(span_s) if chosen_s else []
    samples = [each for each in older if each[0] < recent[0][0]] + recent
    shown = [each for each in samples if each[0] >= newest - span_s]
    load_chart(shown, zero=newest, span_s=(-span_s, 0.0), alt=_("Load history."))


def span_choice() -> None:
    """How far back the load is drawn."""
    names = {SHORTEST: _("2 minutes"), "hour": _("1 hour"), "day": _("1 day"), "week": _("1 week")}
    with controls("hardware-span"):
        st.segmented_control(
            _("Load over the last"),
            list(SPANS),
            format_func=names.__getitem__,
            required=True,
            help=_("Longer periods are sampled while a worker is running."),
            **kept("hardware.span", SHORTEST, allowed=SPANS),
        )


def now() -> None:
    """The live part."""
    machine = hardware.snapshot()
    history = remember(machine)
    for gpu in machine.gpus:
        gpu_card(gpu)
    machine_card(machine)
    history_chart(history)


def accelerator(machine: HardwareSnapshot) -> None:
    """Says plainly what patches are computed on."""
    if machine.apple_gpu:
        st.info(
            _(
                "No NVIDIA GPU was found. You can use the GPU of this Apple machine (MPS): choose the "
                "device mps."
            )
        )
    elif not machine.gpus:
        st.info(_("No NVIDIA GPU was found. Patches are computed on the CPU, which is slower."))


def recommendation(machine: HardwareSnapshot) -> None:
    """Precision and batch size, and why."""
    advised = advice.advise(machine, advice.measured_runs())
    st.subheader(_("Recommended settings"), anchor=False)
    device, precision, batch = st.columns(3)
    fact(device, _("Device"), choice_name("device", advised.device))
    fact(precision, _("Precision"), advised.precision)
    fact(batch, _("Batch size"), advised.batch_size)
    if advised.fastest:
        st.markdown(
            _(
                "Job {job} was the fastest finished run on this device: {rate} images/s with "
                "{precision} and batch size {batch}, using up to {memory}."
            ).format(
                job=advised.fastest.job_id,
                rate=formats.number(advised.fastest.images_per_s, 1),
                precision=advised.fastest.precision,
                batch=advised.fastest.batch_size,
                memory=formats.bytes_text(advised.fastest.peak_memory_bytes),
            )
        )
    else:
        st.markdown(
            _(
                "auto uses the fastest precision that the device supports natively. No runs have "
                "been measured on this device yet."
            )
        )
    st.markdown(
        _(
            "The default batch size: as measured on a CPU, small batches make a stronger patch "
            "from the same images."
        )
    )


def measured() -> None:
    """What was measured for settings on auto."""
    choices = advice.measured_choices()
    if not choices:
        return
    st.subheader(_("Measured settings"), anchor=False)
    st.caption(
        _(
            "Settings measured once by runs with precision, batch size or compilation set to auto, and "
            "reused since."
        )
    )
    st.dataframe(
        [
            {
                _("Detector"): key["detector"],
                _("Fastest"): candidate_text(choice.chosen),
                _("Others"): "; ".join(map(candidate_text, choice.others)),
                _("Image size"): f"{key['image_size']} px",
                _("Device"): key["machine"],
                _("Measured"): formats.moment(choice.measured_at),
            }
            for key, choice in choices
        ],
        hide_index=True,
    )


def candidate_text(candidate: Candidate) -> str:
    """A way to compute steps and its rate, such as `bf16, batch 8, compiled: 44 images/s`."""
    way = _("{precision}, batch {batch}").format(precision=candidate.precision, batch=candidate.batch_size)
    if candidate.compiled:
        way = _("{way}, compiled").format(way=way)
    if not candidate.images_per_s:
        return way
    return _("{way}: {rate} images/s").format(way=way, rate=f"{candidate.images_per_s:.3g}")


def versions(machine: HardwareSnapshot) -> None:
    """What is installed."""
    st.subheader(_("Versions"), anchor=False)
    driver = {_("NVIDIA driver"): machine.driver_version} if machine.driver_version else {}
    found = {"Python": machine.python_version, **machine.versions, **driver, _("System"): machine.platform}
    st.dataframe(
        [{_("Package"): name, _("Version"): version} for name, version in found.items()], hide_index=True
    )


def page() -> None:
    """The whole page."""
    page_title(_("Hardware"), _("This machine's hardware and current load, updated every two seconds."))
    machine = hardware.snapshot()
    accelerator(machine)
    span_choice()
    live(now, every_s=EVERY_S)()
    live(cluster_nodes, every_s=EVERY_S)()
    recommendation(machine)
    measured()
    versions(machine)


page()
