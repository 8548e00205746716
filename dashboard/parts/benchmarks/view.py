# SPDX-License-Identifier: AGPL-3.0-only
"""One suite of benchmarks on the page: question, answer, charts, table and files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dashboard import components, formats
from dashboard.charts.benchmarks import Bar, line_chart, side_chart
from dashboard.components import chart, controls, empty_state, go_to, look
from dashboard.downloads import save_button
from dashboard.drawing import Markdown, st
from dashboard.i18n import N_, _
from dashboard.page_state import kept
from dashboard.parts.benchmarks.names import answer_text, name_text, side_text
from dashboard.services import benchmarks, hardware
from dashboard.services.benchmarks import Chart, Description
from engine.records import BenchmarkRun, Interval, Measurement

GIGA = 10**9
AXES = {
    "batch_size": N_("Batch size"),
    "images": N_("Images"),
    "objects": N_("Objects an image"),
    "texels": N_("Patch side (texels)"),
    "pixels": N_("Image side (px)"),
}


def suite_view(about: Description, runs: Sequence[BenchmarkRun]) -> BenchmarkRun | None:
    """All of one suite; returns the run that is shown, None without any.

    Args:
        about: what it asks.
        runs: those that the filters leave, newest first.
    """
    st.subheader(_(about.question), anchor=False)
    if about.claim != benchmarks.NO_CLAIM:
        st.markdown(Markdown(_("**Claimed elsewhere:** {claim}")).format(claim=_(about.claim)))
    needs_cuda(about)
    if not runs:
        empty_state(_("No run of this suite passes the filters. Start it above, or clear the filters."))
        return None
    run = benchmarks.get(choose_run(runs))
    answer(run)
    for drawn in about.charts:
        suite_chart(drawn, run)
    claims(about, run)
    table(run)
    with controls("benchmark-files"):
        downloads([run], f"benchmark-{run.suite}-{run.id}")
    subject(run)
    return run


def needs_cuda(about: Description) -> None:
    """Says what the suite would measure on a machine with CUDA, where this one has none."""
    if about.on_cuda and not hardware.snapshot().gpus:
        text = _("This machine has no CUDA device. With one, the suite would also measure: {what}.")
        st.info(text.format(what=_(about.on_cuda)), icon=":material/memory:")


def run_name(run: BenchmarkRun) -> str:
    """A run in a list: its number, day, scale, code and subject."""
    parts = [f"#{run.id}", formats.moment(run.started_at), scale_name(run.scale), run.code_version]
    return " · ".join([*parts, f"{run.detector}, {run.dataset}"])


def scale_name(scale: str) -> str:
    """A scale in the session's language."""
    names = {"small": _("Small"), "medium": _("Medium"), "large": _("Large")}
    return names.get(scale, scale)


def choose_run(runs: Sequence[BenchmarkRun]) -> int:
    """The run to show: the latest finished one unless another was chosen."""
    ids = [run.id for run in runs]
    finished = [run.id for run in runs if run.state == "finished"]
    names = {run.id: run_name(run) for run in runs}
    with controls("benchmark-run"):
        chosen = st.selectbox(
            _("Measured"),
            ids,
            format_func=lambda each: names.get(each, str(each)),
            help=_("Each time that the suite was run: number, time, scale, version of the code, subject."),
            **kept("measured", (finished or ids)[0], allowed=ids, parse=int),
        )
    return int(chosen)


def answer(run: BenchmarkRun) -> None:
    """The sentence that answers the question, or how far the run came."""
    if run.answer:
        st.success(answer_text(run), icon=":material/check_circle:")
    elif run.state == "running":
        st.info(_("This run is under way: what is below was measured so far."), icon=":material/play_arrow:")
    else:
        st.warning(
            _("This run stopped before its end. Start the suite again with the same settings to go on."),
            icon=":material/power_off:",
        )
    if run.left_out:
        text = _("Not measured on {device}, as it needs CUDA: {parts}.")
        st.caption(text.format(device=run.device, parts=", ".join(map(name_text, run.left_out))))


def suite_chart(drawn: Chart, run: BenchmarkRun) -> None:
    """A chart as the suite describes it; nothing where none of it was measured."""
    unit, factor = unit_of(drawn.unit)
    lines = drawn.x != "side"
    shown = [row for row in run.measurements if row.unit == drawn.unit and defined(row)]
    if lines:
        shown = [row for row in shown if isinstance(row.settings.get(drawn.x), int | float)]
    if not shown:
        return
    names = (_("measured"), _("claimed"))
    if lines:
        series = [drawn.series] if drawn.series else telling(shown, drawn.x)
        bars = [bar_of(row, factor, line_name(row, series), drawn.x) for row in shown]
        figure = line_chart(
            bars,
            names=names,
            title=_(drawn.title),
            x_title=_(AXES[drawn.x]) if drawn.x in AXES else drawn.x,
            y_title=unit,
            log_x=drawn.log_x,
            **look(),
        )
    else:
        bars = [bar_of(row, factor, side_text(row)) for row in shown]
        figure = side_chart(bars, names=names, title=_(drawn.title), x_title=unit, **look())
    chart(figure, alt=alt_text(_(drawn.title), shown, unit, factor), key=f"suite-{drawn.title}")


def telling(rows: Sequence[Measurement], x: str) -> list[str]:
    """The settings, x aside, that distinguish measurements at one place; none if each has its own."""
    if len({row.settings[x] for row in rows}) == len(rows):
        return []
    names = dict.fromkeys(name for row in rows for name in row.settings if name != x)
    return [name for name in names if len({str(row.settings.get(name)) for row in rows}) > 1]


def line_name(row: Measurement, series: Sequence[str]) -> str:
    """The name of the line that a measurement is on."""
    if len(series) == 1 and isinstance(row.settings.get(series[0]), str):
        return name_text(row.settings[series[0]])
    return ", ".join(name_text(f"{name} {row.settings[name]}") for name in series if name in row.settings)


def claims(about: Description, run: BenchmarkRun) -> None:
    """What is claimed, beside what was measured, a chart a unit that no other chart shows."""
    drawn = {each.unit for each in about.charts}
    claimed = [row for row in run.measurements if row.claimed is not None and defined(row)]
    for unit in dict.fromkeys(row.unit for row in claimed if row.unit not in drawn):
        rows = [row for row in claimed if row.unit == unit]
        name, factor = unit_of(unit)
        title = _("Measured beside claimed")
        bars = [bar_of(row, factor, side_text(row)) for row in rows]
        names = (_("measured"), _("claimed"))
        figure = side_chart(bars, names=names, title=title, x_title=name, **look())
        chart(figure, alt=alt_text(title, rows, name, factor), key=f"claims-{unit}")


def alt_text(title: str, rows: Sequence[Measurement], unit: str, factor: float) -> str:
    """What a chart of measurements says, in a sentence."""
    listed = (f"{side_text(row)} {row.figure.value * factor:.3g}" for row in rows[:12])
    return _("{title}, in {unit}: {figures}.").format(title=title, unit=unit, figures=", ".join(listed))


def bar_of(row: Measurement, factor: float, name: str, x: str = "") -> Bar:
    """A measurement as a chart draws it, in the unit that is shown."""
    figure = Interval(
        value=row.figure.value * factor, low=row.figure.low * factor, high=row.figure.high * factor
    )
    claimed = None if row.claimed is None else row.claimed * factor
    return Bar(name=name, figure=figure, x=row.settings[x] if x else None, claimed=claimed)


def unit_of(unit: str) -> tuple[str, float]:
    """The unit that is shown, and what figures are multiplied with: gigabytes, as in answers and claims."""
    return ("GB", 1 / GIGA) if unit == "bytes" else (name_text(unit), 1.0)


def defined(row: Measurement) -> bool:
    """Whether a measurement has a figure."""
    return not math.isnan(row.figure.value)


def table(run: BenchmarkRun) -> None:
    """All that was measured."""
    if not run.measurements:
        st.caption(_("Nothing was measured yet."))
        return
    components.table([table_row(row) for row in run.measurements])
    st.caption(_("In brackets: 95% bootstrap interval. Figures are medians over rounds."))


def table_row(row: Measurement) -> dict[str, Any]:
    """A line of the table."""
    unit, factor = unit_of(row.unit)
    return {
        _("Side"): side_text(row),
        _("Measured figure"): figure_text(row.figure, factor),
        _("Claimed"): formats.DASH if row.claimed is None else f"{row.claimed * factor:.4g}",
        _("Unit"): unit,
        _("Rounds"): len(row.samples),
    }


def figure_text(figure: Interval, factor: float = 1.0) -> str:
    """A figure to four digits with its interval, if that has a width."""
    if math.isnan(figure.value):
        return formats.DASH
    value, low, high = (bound * factor for bound in (figure.value, figure.low, figure.high))
    return f"{value:.4g}" if not low < high else formats.spread(f"{value:.4g}", f"{low:.4g}", f"{high:.4g}")


def downloads(runs: Sequence[BenchmarkRun], name: str) -> None:
    """Measurements as files."""
    with st.container(horizontal=True):
        save_button(
            _("Download CSV"),
            lambda: benchmarks.to_csv(runs),
            f"{name}.csv",
            "text/csv",
            key=f"{name}-csv",
            help=_("A line for each measurement, for a spreadsheet."),
        )
        save_button(
            _("Download JSON"),
            lambda: benchmarks.to_json(runs),
            f"{name}.json",
            "application/json",
            key=f"{name}-json",
            help=_("Everything about the run: settings, machine, versions, figures of single rounds."),
        )


def subject(run: BenchmarkRun) -> None:
    """What it was measured on, by which code."""
    with st.expander(_("Measured on")):
        images = run.facts["dataset"].get("images")
        facts = {
            _("Device"): f"{run.device} ({run.machine})",
            _("Detector"): run.detector,
            _("Class"): benchmarks.classes_of(run) or formats.DASH,
            _("Dataset"): f"{run.dataset} ({images})" if images else run.dataset,
            _("Scale"): scale_name(run.scale),
            _("Code"): run.code_version,
            _("Started"): formats.moment(run.started_at),
            **{name: str(version) for name, version in run.facts["machine"].get("versions", {}).items()},
        }
        st.dataframe([{_("Fact"): name, _("Value"): value} for name, value in facts.items()], hide_index=True)
        if run.job_id is not None:
            go_to("jobs", _("Open its job"), job=run.job_id)
