# SPDX-License-Identifier: AGPL-3.0-only
"""Benchmarks: what suites ask, what was measured here, and starting one."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from dashboard import formats
from dashboard.components import controls, folded, go_to, guarded, live, page_title
from dashboard.drawing import Markdown, st
from dashboard.i18n import _, ngettext
from dashboard.page_state import choose, chosen, kept, linked, reset
from dashboard.parts.benchmarks.changes import change_over_time
from dashboard.parts.benchmarks.view import downloads, outcome_badge, scale_name, suite_view
from dashboard.parts.class_choice import choose_classes, choose_detector_class
from dashboard.parts.detector_choice import choose_detector, other_weights
from dashboard.parts.job_lines import jobs_at_work
from dashboard.parts.setting_rows import setting_rows
from dashboard.services import benchmarks
from dashboard.services.benchmarks import Filter, Suite
from dashboard.services.settings import RUN
from engine.records import BenchmarkRun

ALL = "all"
SMALL_S = 180  # of a suite at the small scale


def suite_question(name: str) -> str:
    """What a suite asks, before its name; or all of them."""
    return _("All suites") if name == ALL else f"{_(benchmarks.SUITES[name].question)} ({name})"


def start_form(suite: str) -> None:
    """Choose a suite and what it runs on, and queue it."""
    with controls("start-benchmark"):
        if box := folded(
            _("Start a suite"), ":material/play_arrow:", key="suite-form", expanded=linked("bench")
        ):
            with box:
                _form(suite)


def _form(suite: str) -> None:
    classes = benchmarks.subjects()
    first, second = st.columns(2)
    wanted = first.selectbox(
        _("Suite"),
        [*benchmarks.SUITES, ALL],
        format_func=suite_question,
        help=_("The suite to run. Each one answers one question."),
        **kept(
            "bench.suite",
            next(iter(benchmarks.SUITES)) if suite == ALL else suite,
            allowed=[ALL, *benchmarks.SUITES],
        ),
    )
    scale = second.segmented_control(
        _("Scale"),
        list(benchmarks.SCALES),
        format_func=scale_name,
        required=True,
        help=_("Small takes about three minutes per suite on two CPU cores; large takes hours."),
        **kept("bench.scale", "small", allowed=benchmarks.SCALES),
    )
    dataset = first.selectbox(
        _("Dataset"),
        list(classes),
        help=_("The images that the suite runs on; the demo is synthetic and needs no download."),
        **kept("bench.dataset", "demo", allowed=classes),
    )
    with second:
        detector = choose_detector("bench.weights", _("The detector that the suite runs on."))
        other_weights("bench.weights")
    names = classes[dataset]
    own, target = st.columns(2)
    with own:
        chosen_classes = choose_classes("bench.class", names, meaning=_("The objects to attack."))
    with target:
        detector_class = choose_detector_class("bench.detector_class", detector, chosen_classes)
    about_detector = setting_rows("bench", ("architecture", "detector_classes", "defences"), RUN)
    suites = list(benchmarks.SUITES) if wanted == ALL else [wanted]
    if scale == "small":
        expected = formats.duration(len(suites) * SMALL_S)
        own.caption(_("About {time} on two CPU cores.").format(time=expected))
    ready = bool(chosen_classes) and detector_class is not None
    if target.button(
        _("Start"), type="primary", key="start-suite", icon=":material/play_arrow:", disabled=not ready
    ):
        with guarded():
            jobs = benchmarks.start(
                suites,
                dataset=dataset,
                weights=detector,
                class_name=tuple(chosen_classes),
                detector_class=detector_class or "",
                scale=scale,
                **about_detector,
            )
            text = ngettext("{number} suite queued.", "{number} suites queued.", len(jobs))
            st.toast(text.format(number=len(jobs)))


def under_way() -> None:
    """The benchmark jobs that run or wait, live; the page is drawn anew when one ends."""
    jobs = benchmarks.active()
    now = [job.id for job in jobs]
    before = st.session_state.get("benchmarks.jobs")
    st.session_state["benchmarks.jobs"] = now
    if before is not None and set(before) - set(now):
        st.rerun()
    jobs_at_work(jobs)


def filters(runs: list[BenchmarkRun]) -> Filter:
    """What to show; filters that could not change anything are left out."""
    found = {
        name: list(dict.fromkeys(getattr(run, name) for run in runs))
        for name in ("device", "detector", "dataset")
    }
    labels = {"device": _("Device"), "detector": _("Detector"), "dataset": _("Dataset")}
    chosen_names: dict[str, str | None] = {}
    with controls("benchmark-filters"), st.container(horizontal=True, vertical_alignment="bottom"):
        for name, values in found.items():
            if len(values) > 1:
                value = st.selectbox(
                    labels[name],
                    ["", *values],
                    format_func=lambda each: each or _("any"),
                    width=220,
                    help=_("Show only runs with this value."),
                    **kept(f"only.{name}", "", allowed=["", *values]),
                )
                chosen_names[name] = value or None
        days = {datetime.fromtimestamp(run.started_at).date() for run in runs}
        since, until = between(min(days), max(days)) if len(days) > 1 else (None, None)
    return Filter(**chosen_names, since=since, until=until)


def between(first: date, last: date) -> tuple[float, float]:
    """The time that runs began in, chosen by days: Unix seconds from midnight to midnight."""
    with st.container(width=340):
        low = st.date_input(
            _("Since"),
            min_value=first,
            max_value=last,
            help=_("Show runs started on or after this day."),
            **kept("since", first, parse=date.fromisoformat, write=date.isoformat),
        )
        high = st.date_input(
            _("Until"),
            min_value=first,
            max_value=last,
            help=_("Show runs started on or before this day."),
            **kept("until", last, parse=date.fromisoformat, write=date.isoformat),
        )
    return (
        datetime.combine(low, time()).timestamp(),
        datetime.combine(high + timedelta(days=1), time()).timestamp(),
    )


def all_suites(wanted: Filter) -> None:
    """The suites that were measured with their answers, then the questions of the others in one list."""
    answers = benchmarks.latest(wanted)
    open_ones = [about for about in benchmarks.SUITES.things() if about.name not in answers]
    for about in benchmarks.SUITES.things():
        if about.name in answers:
            with st.container(border=True, gap="small"):
                suite_line(about, answers[about.name])
    if open_ones:
        with st.container(border=True, gap="small"):
            st.caption(_("Not measured yet."))
            for about in open_ones:
                go_to("benchmarks", _(about.question), suite=about.name)
    if answers:
        with controls("all-files"):
            downloads(list(answers.values()), "benchmarks")


def suite_line(about: Suite, run: BenchmarkRun) -> None:
    """A measured suite in the list of all."""
    st.markdown(Markdown("**{question}**").format(question=_(about.question)))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        outcome_badge(run)
        st.markdown(benchmarks.answer(run, _))
    with st.container(horizontal=True, vertical_alignment="center"):
        go_to("benchmarks", _("Charts and measurements: {suite}").format(suite=about.name), suite=about.name)
        where = _("{device}, {detector} on {dataset}, {when}").format(
            device=run.device,
            detector=run.detector,
            dataset=run.dataset,
            when=formats.moment(run.started_at),
        )
        st.caption(where)


def page() -> None:
    """The whole page."""
    page_title(
        _("Benchmarks"),
        _(
            "Questions about cost and attack strength, answered by measurement and compared with "
            "published claims."
        ),
    )
    suite = chosen("suite", ALL)
    suite = suite if suite in benchmarks.SUITES else ALL
    if st.session_state.get("benchmarks.suite") not in (None, suite):
        for name in ("bench.suite", "measured", "before"):  # these were chosen for the other suite
            reset(name)
    st.session_state["benchmarks.suite"] = suite
    choose("suite", suite)
    start_form(suite)
    live(under_way)()
    runs = benchmarks.find()
    wanted = filters(runs)
    if suite == ALL:
        all_suites(wanted)
    else:
        go_to("benchmarks", _("All suites"), suite=ALL)
        shown = suite_view(benchmarks.SUITES[suite], benchmarks.find(suite, wanted))
        if shown is not None:
            change_over_time(shown)


page()
