# SPDX-License-Identifier: AGPL-3.0-only
"""What changed between two runs of a benchmark suite, and whether it exceeds the noise."""

from __future__ import annotations

import math

from dashboard import formats
from dashboard.charts.benchmarks import Effect, effect_chart
from dashboard.components import chart, controls, look, table
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import kept
from dashboard.parts.benchmarks.view import run_name
from dashboard.services import benchmarks
from dashboard.services.benchmarks import wording
from engine.records import BenchmarkRun, Interval


def change_over_time(run: BenchmarkRun) -> None:
    """How the figures changed since an earlier version of the code."""
    st.subheader(_("Change between two versions"), anchor=False)
    others = {other.id: run_name(other) for other in benchmarks.comparable(run)} if run.answer else {}
    if not others:
        st.caption(
            _(
                "There is no other finished run of this suite with the same scale, machine, "
                "detector and dataset. Run it with another code version to see what changed."
            )
        )
        return
    with controls("benchmark-before"):
        before = st.selectbox(
            _("Compare with"),
            list(others),
            format_func=lambda each: others.get(each, str(each)),
            help=_("The run to compare against. Runs of other code versions are listed first."),
            **kept("before", next(iter(others)), allowed=others, parse=int),
        )
    show_changes(benchmarks.get(int(before)), run)


def show_changes(before: BenchmarkRun, after: BenchmarkRun) -> None:
    """Chart and table of the changes from one run to another."""
    changes = benchmarks.compare(before, after)
    if not changes:
        st.caption(_("The two runs have no measurements in common."))
        return
    verdicts = {True: _("beyond noise"), False: _("within noise"), None: _("noise unknown")}
    moved = sum(each.beyond_noise is True for each in changes)
    text = _("{moved} of {all} measurements changed beyond noise from {before} to {after}.")
    words = text.format(moved=moved, all=len(changes), before=before.code_version, after=after.code_version)
    st.markdown(words)
    rows, effects = [], []
    for each in changes:
        unit, factor = wording.shown_unit(each.after.metric)
        side = f"{wording.label(each.after.side, _)}, {_(unit)}"
        effects.append(Effect(name=side, figure=shares(each), stands_out=each.beyond_noise is True))
        rows.append(
            {
                _("Side"): side,
                _("Change"): formats.DASH if each.relative is None else f"{each.relative:+.1%}",
                _("Verdict"): verdicts[each.beyond_noise],
                _("Before"): wording.figure_text(each.before.figure, factor),
                _("After"): wording.figure_text(each.after.figure, factor),
            }
        )
    figure = effect_chart(
        effects,
        null=0,
        names=(_("beyond noise"), _("within noise or unknown"), ""),
        title=_("Change since the earlier run"),
        x_title=_("Relative to the earlier value"),
        form="+.0%",
        **look(),
    )
    chart(figure, alt=words, key="changes")
    table(rows)
    st.caption(
        _(
            "Beyond noise: outside a 99% interval that accounts for noise within runs and between "
            "runs of the same code."
        )
    )


def shares(change: benchmarks.Change) -> Interval:
    """A change as a share of what was before; NaN where that was 0."""
    base = abs(change.before.figure.value) or math.nan
    low, high = change.difference.low / base, change.difference.high / base
    return Interval(value=change.difference.value / base, low=low, high=high)
