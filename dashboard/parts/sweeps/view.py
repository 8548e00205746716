# SPDX-License-Identifier: AGPL-3.0-only
"""One sweep: how far it is, its charts, its trials and its best patches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import plotly.graph_objects as go

from dashboard import formats
from dashboard.charts.sweeps import (
    Axis,
    Point,
    axis_of,
    importance_bars,
    objective_over_trials,
    parallel_coordinates,
)
from dashboard.components import chart, controls, go_to, guarded, look, refusal, table
from dashboard.downloads import save_button
from dashboard.drawing import st
from dashboard.i18n import _, language
from dashboard.parts.jobs.controls import asked_twice
from dashboard.parts.setting_names import choice_name, dimension_name, named_value, setting_value
from dashboard.parts.sweeps.names import (
    SHORT,
    SWEEP_STATES,
    dimension_names,
    figure_text,
    settings_text,
    trial_state,
)
from dashboard.services import sweeps
from dashboard.services.sweeps import Sweep, Trial

WIDE = 10  # from which factor on a list of numbers lies on a logarithmic axis
DRAWN = 150  # lines of parallel coordinates at most, of the best trials: more are a carpet


def situation(sweep: Sweep) -> None:
    """How far the sweep is, what it tries, and what can be asked of it."""
    asked = sweeps.request_of(sweep)
    state = _(SWEEP_STATES[sweep.state]).format(ended=sweep.ended, total=asked.total)
    about = _("{objective} · dataset {dataset} · detector {detector} · started {when}").format(
        objective=choice_name("objective", asked.objective),
        dataset=setting_value(asked.config.dataset),
        detector=setting_value(asked.config.weights),
        when=formats.moment(sweep.created_at),
    )
    st.progress(min(sweep.ended / asked.total, 1.0), text=f"{state} {about}")
    if sweep.error:
        refusal(sweep.error)
    stuck = sweep.state == "running" and _stuck(sweep)
    if stuck:
        st.warning(_("Its runs are paused or interrupted."), icon=":material/warning:")
    with controls("sweep-actions"), st.container(horizontal=True):
        may_go_on = sweep.state == "failed" or stuck
        if may_go_on and st.button(_("Resume"), icon=":material/play_arrow:", key="sweep-go-on"):
            _act(partial(sweeps.go_on, sweep.id))
        if sweep.state in ("running", "failed"):
            asked_twice(
                _("Cancel"),
                _("Cancels the sweep permanently, including running trials. Finished trials stay."),
                _("Cancel this sweep"),
                partial(_act, partial(sweeps.cancel, sweep.id)),
                icon=":material/cancel:",
                key="sweep-cancel",
            )
        if sweeps.best_trial(sweep) is not None:
            _report_button(sweep)


def best(sweep: Sweep) -> None:
    """The best trial, and where its settings lead."""
    trial = sweeps.best_trial(sweep)
    if trial is None:
        st.caption(_("No trial has a score yet."))
        return
    job_id = trial.jobs[sweeps.best_run(sweep, trial)]
    with st.container(border=True):
        value, text = st.columns([1, 3], vertical_alignment="center")
        value.metric(_("Best: trial {number}").format(number=trial.number), figure_text(sweep, trial.value))
        text.text(settings_text(trial))
        with text.container(horizontal=True):
            go_to("generate", _("Generate with these settings"), from_job=job_id)
            go_to("jobs", _("Open its job"), job=job_id)
    st.caption(
        _(
            "It was selected as the best of several on the same held-out images, which makes its "
            "score slightly optimistic. Score it on other images before you rely on it."
        )
    )


def charts(sweep: Sweep) -> None:
    """Objective over trials, parallel coordinates, importance: as many as there is something to draw for."""
    for key, (figure, alt) in figures(sweep, **look()).items():
        chart(figure, alt=alt, key=f"sweep-{key}")


def figures(sweep: Sweep, **how: bool) -> dict[str, tuple[go.Figure, str]]:
    """Name → figure, and what can be read from it in a sentence.

    Args:
        how: `dark` and `large`.
    """
    scored = [trial for trial in sweep.trials if trial.value is not None]
    best_one, short = sweeps.best_trial(sweep), _(SHORT[sweep.request["objective"]])
    if not scored or best_one is None:
        return {}
    low = sweeps.request_of(sweep).low_is_best
    found = {
        "trials": (
            objective_over_trials(
                [_point(sweep, trial) for trial in scored],
                low_is_best=low,
                title=_("{objective} by trial").format(objective=short),
                x_title=_("Trial"),
                names=(_("Trial"), _("Pruned"), _("Best so far")),
                **how,
            ),
            _("{objective} of {number} trials; the best is trial {best} with {value}.").format(
                objective=short,
                number=len(scored),
                best=best_one.number,
                value=figure_text(sweep, best_one.value),
            ),
        )
    }
    whole = [trial for trial in scored if trial.state == "succeeded"]
    whole = sorted(whole, key=lambda trial: (trial.value or 0.0) * (1 if low else -1))[:DRAWN]
    if len(whole) > 1:
        found["parallel"] = (
            parallel_coordinates(
                axes_of(sweep, whole),
                [_point(sweep, trial).text for trial in whole],
                best=whole.index(best_one),
                low_is_best=low,
                title=_("Settings and {objective} (thick: best trial)").format(objective=short),
                **how,
            ),
            _("One line for each of {number} trials across the varied settings and {objective}.").format(
                number=len(whole), objective=short
            ),
        )
    if sweep.importance:
        ranked = sorted(sweep.importance, key=lambda name: -sweep.importance[name])
        found["importance"] = (
            importance_bars(
                {dimension_name(name): sweep.importance[name] for name in ranked},
                title=_("Importance of settings"),
                **how,
            ),
            _("Importance of each setting for the best trials; the most important is {name}.").format(
                name=dimension_name(ranked[0])
            ),
        )
    return found


def axes_of(sweep: Sweep, trials: list[Trial]) -> list[Axis]:
    """The axes of parallel coordinates; a setting that is the same in all trials has none."""
    found = []
    for each in sweeps.request_of(sweep).space.dimensions:
        values = [trial.settings[each.name] for trial in trials]
        if len(set(values)) > 1:
            texts = [named_value(each.name, value) for value in values]
            log = each.log or _wide(each.values)
            found.append(axis_of(dimension_name(each.name), values, texts, log=log))
    values = [trial.value for trial in trials]
    texts = [figure_text(sweep, value) for value in values]
    return [*found, axis_of(_(SHORT[sweep.request["objective"]]), values, texts)]


def _wide(values: Sequence[Any]) -> bool:
    """Whether a list of numbers spans so much that the small ones would lie upon each other."""
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in values)
    return bool(values) and numbers and min(values) > 0 and max(values) >= WIDE * min(values)


def trial_rows(sweep: Sweep) -> list[dict[str, Any]]:
    """A row for each trial."""
    best_one = sweeps.best_trial(sweep)
    return [
        {
            _("Trial"): f"{trial.number} ★" if trial == best_one else str(trial.number),
            _("State"): trial_state(trial.state),
            _(SHORT[sweep.request["objective"]]): figure_text(sweep, trial.value),
            **{
                dimension_name(name): named_value(name, trial.settings[name])
                for name in dimension_names(sweep)
            },
            _("Jobs"): ", ".join(map(str, trial.jobs)) or formats.DASH,
        }
        for trial in sweep.trials
    ]


def trials(sweep: Sweep) -> None:
    """The table of trials, and why some failed."""
    st.subheader(_("Trials"), anchor=False)
    table(trial_rows(sweep))
    for error in dict.fromkeys(trial.error for trial in sweep.trials if trial.error):
        st.warning(error, icon=":material/warning:")


def patches(sweep: Sweep) -> None:
    """The best patches as pictures."""
    found = sweeps.best_patches(sweep.id)
    if not found:
        return
    st.subheader(_("Best patches"), anchor=False)
    columns = st.columns(3)
    for place, (trial, job_id, patch) in enumerate(found):
        with columns[place % 3], st.container(border=True):
            name = _("Trial {number}: {value}").format(
                number=trial.number, value=figure_text(sweep, trial.value)
            )
            st.image(patch.image, width=160, alt=name)
            st.text(name)
            st.caption(settings_text(trial))
            go_to("patches", _("View the patch"), patch=patch.id)
            go_to("generate", _("Generate with these settings"), from_job=job_id)


def _point(sweep: Sweep, trial: Trial) -> Point:
    text = _("Trial {number}: {value}").format(number=trial.number, value=figure_text(sweep, trial.value))
    return Point(
        number=trial.number,
        value=trial.value or 0.0,
        pruned=trial.state != "succeeded",
        text=f"{text} · {settings_text(trial)}",
    )


def _stuck(sweep: Sweep) -> bool:
    jobs = sweeps.jobs_at_work(sweep.id)
    return bool(jobs) and all(job.state in ("paused", "interrupted") for job in jobs)


def _act(action: Any) -> None:
    with guarded():
        action()
        st.rerun()


def _report_button(sweep: Sweep) -> None:
    from dashboard.sweep_report import sweep_report_html  # which draws with this module

    save_button(
        _("HTML report"),
        partial(sweep_report_html, sweep.id, code=language()),
        f"patchbench-sweep-{sweep.id}.html",
        "text/html",
        key=f"sweep-report-{sweep.id}",
        help=_("One HTML file with the trials, charts and best patches that opens offline."),
        icon=":material/description:",
    )
