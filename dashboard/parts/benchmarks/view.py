# SPDX-License-Identifier: AGPL-3.0-only
"""One suite of benchmarks on the page: question, answer, charts, table and files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from dashboard import components, formats
from dashboard.charts.benchmarks import Effect, effect_chart
from dashboard.components import chart, controls, empty_state, go_to, look
from dashboard.downloads import save_button
from dashboard.drawing import Markdown, st
from dashboard.i18n import N_, _
from dashboard.page_state import kept
from dashboard.services import benchmarks, hardware
from dashboard.services.benchmarks import NULL, Suite, wording
from engine.measurements import BenchmarkRun, Comparison

OUTCOMES = {  # outcome → its colour and icon: never the colour alone
    "confirmed": ("green", ":material/check:"),
    "larger": ("green", ":material/add:"),
    "smaller": ("orange", ":material/remove:"),
    "refuted": ("red", ":material/close:"),
    "none": ("gray", ":material/drag_handle:"),
    "undecided": ("blue", ":material/question_mark:"),
}
PARTS = {"copies": N_("copies")}  # those that need CUDA


def suite_view(about: Suite, runs: Sequence[BenchmarkRun]) -> BenchmarkRun | None:
    """All of one suite; returns the run that is shown, None without any.

    Args:
        about: what it asks.
        runs: those that the filters leave, newest first.
    """
    st.subheader(_(about.question), anchor=False)
    if about.source:
        st.markdown(Markdown(_("**Published claim:** {claim}")).format(claim=_(about.source)))
    needs_cuda(about)
    if not runs:
        empty_state(_("No runs of this suite match the filters. Start one above, or clear the filters."))
        return None
    run = benchmarks.get(choose_run(runs))
    answer(run)
    if run.comparisons:
        comparisons(run)
    measurements(run)
    with controls("benchmark-files"):
        downloads([run], f"benchmark-{run.suite}-{run.id}")
    subject(run)
    return run


def needs_cuda(about: Suite) -> None:
    """Says what the suite would measure on a machine with CUDA, where this one has none."""
    if about.on_cuda and not hardware.snapshot().gpus:
        text = _("This machine has no CUDA device. With one, the suite would also measure: {what}.")
        st.caption(text.format(what=_(about.on_cuda)))


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
            help=_("All runs of this suite: number, time, scale, code version and subject."),
            **kept("measured", (finished or ids)[0], allowed=ids, parse=int),
        )
    return int(chosen)


def answer(run: BenchmarkRun) -> None:
    """The headline with its outcome, or how far the run came."""
    if run.answer:
        headline(run)
    elif run.state == "running":
        st.info(
            _("This run is in progress. The results so far are shown below."), icon=":material/play_arrow:"
        )
    else:
        st.warning(
            _(
                "This run stopped before it finished. Start the suite again with the same settings to "
                "resume it."
            ),
            icon=":material/power_off:",
        )
    if run.left_out:
        text = _("Not measured on {device} (requires CUDA): {parts}.")
        parts = ", ".join(_(PARTS.get(part, part)) for part in run.left_out)
        st.caption(text.format(device=run.device, parts=parts))


def headline(run: BenchmarkRun) -> None:
    """A finished run's answer, framed in the colour of its outcome; what more it would take to decide one."""
    told = wording.told(run.suite, run.comparisons)
    colour, icon = OUTCOMES[told.outcome] if told else ("blue", ":material/info:")
    frames = {"green": st.success, "orange": st.warning, "red": st.warning}
    frames.get(colour, st.info)(benchmarks.answer(run, _), icon=icon)
    if told and told.needs:
        st.caption(wording.outcome_text(run.suite, told, _))


def outcome_badge(run: BenchmarkRun) -> None:
    """The outcome of what a run's answer tells of, as a word, an icon and a colour; nothing without one."""
    told = wording.told(run.suite, run.comparisons)
    if told is not None:
        colour, icon = OUTCOMES[told.outcome]
        st.badge(outcome_word(run.suite, told), icon=icon, color=colour)  # type: ignore[arg-type]


def outcome_word(suite: str, comparison: Comparison) -> str:
    """An outcome in a word or two, without what it would take to decide one; a dash where there is none."""
    if not comparison.outcome:
        return formats.DASH
    return wording.outcome_text(suite, replace(comparison, needs={}), _)


def comparisons(run: BenchmarkRun) -> None:
    """How the sides compare: a table, and a chart for each unit of effects."""
    components.table([comparison_row(run, each) for each in run.comparisons])
    st.caption(
        _(
            "In brackets: 95% interval. The effect is the ratio of the side to the reference, or "
            "their (signed) difference."
        )
    )
    for unit in dict.fromkeys(each.unit for each in run.comparisons):
        shown = [each for each in run.comparisons if each.unit == unit and not math.isnan(each.effect.value)]
        if shown:
            effects(shown, unit)


def comparison_row(run: BenchmarkRun, comparison: Comparison) -> dict[str, str]:
    """A line of the table: what matters most comes first, as a phone shows three columns."""
    side, reference, metric, effect, claimed, _outcome = wording.comparison_row(run.suite, comparison, _)
    line = {
        _("Outcome"): outcome_word(run.suite, comparison),
        _("Side"): side,
        _("Effect"): effect,
        _("Reference"): reference,
        _("Metric"): metric,
    }
    if any(each.claimed for each in run.comparisons):
        line[_("Claimed")] = claimed
    if any(each.needs for each in run.comparisons):
        line[_("Needed to decide")] = wording.needs_text(comparison, _) or formats.DASH
    return line


def effects(shown: Sequence[Comparison], unit: str) -> None:
    """The chart of the effects of one unit."""
    titles = {
        "times": (_("Ratio to the reference"), _("ratio (1: no difference)"), ""),
        "share": (_("Relative to the reference"), _("share"), ".2~%"),
        "difference": (_("Difference from the reference"), _("difference"), ""),
    }
    title, x_title, form = titles[unit]
    figure = effect_chart(
        [
            Effect(
                name=wording.pair_name(each, _).replace(" : ", " :\n", 1),
                figure=each.effect,
                stands_out=each.outcome not in ("", "undecided"),
                claimed=tuple(bound for bound in each.claimed or () if math.isfinite(bound)),
            )
            for each in shown
        ],
        null=NULL[unit],
        names=(_("conclusive"), _("inconclusive, or not tested"), _("claimed")),
        title=title,
        x_title=x_title,
        form=form,
        **look(),
    )
    figures = "; ".join(
        f"{wording.pair_name(each, _)} {wording.effect_figures(each)[0]}" for each in shown[:12]
    )
    alt = _("{title}: {figures}.").format(title=title, figures=figures)
    chart(figure, alt=alt, key=f"effects-{unit}")


def measurements(run: BenchmarkRun) -> None:
    """All figures that were measured."""
    if not run.measurements:
        st.caption(_("Nothing has been measured yet."))
        return
    titles = (_("Side"), _("Measurement"), _("Unit"))
    rows = [wording.measurement_row(each, _) for each in run.measurements]
    with st.expander(_("All measurements"), expanded=not run.comparisons):
        components.table([dict(zip(titles, row, strict=True)) for row in rows])
        st.caption(_("In brackets: 95% interval. Values are medians over rounds or seeds."))


def downloads(runs: Sequence[BenchmarkRun], name: str) -> None:
    """Measurements as files."""
    with st.container(horizontal=True):
        save_button(
            _("Download CSV"),
            lambda: benchmarks.to_csv(runs),
            f"{name}.csv",
            "text/csv",
            key=f"{name}-csv",
            help=_("One row per measurement and comparison, for spreadsheets."),
        )
        save_button(
            _("Download JSON"),
            lambda: benchmarks.to_json(runs),
            f"{name}.json",
            "application/json",
            key=f"{name}-json",
            help=_("Everything about the run: settings, machine, versions and per-round measurements."),
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
        st.dataframe(
            [{_("Property"): name, _("Value"): value} for name, value in facts.items()], hide_index=True
        )
        if run.job_id is not None:
            go_to("jobs", _("Open its job"), job=run.job_id)
