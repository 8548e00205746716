# SPDX-License-Identifier: AGPL-3.0-only
"""What changed between two runs of a benchmark suite, and whether it exceeds the noise."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from dashboard import formats
from dashboard.charts.benchmarks import change_chart
from dashboard.components import chart, controls, look
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import kept
from dashboard.parts.benchmarks.names import side_text
from dashboard.parts.benchmarks.view import figure_text, run_name, unit_of
from dashboard.services import benchmarks
from engine.records import BenchmarkRun, Interval


def change_over_time(run: BenchmarkRun) -> None:
    """How the figures changed since an earlier version of the code."""
    st.subheader(_("Change between two versions"), anchor=False)
    others = {other.id: run_name(other) for other in benchmarks.comparable(run)} if run.answer else {}
    if not others:
        st.caption(
            _(
                "There is no second finished run of this suite at this scale, on this machine, detector and "
                "dataset. Run it with another version of the code to see what changed."
            )
        )
        return
    with controls("benchmark-before"):
        before = st.selectbox(
            _("Compare with"),
            list(others),
            format_func=lambda each: others.get(each, str(each)),
            help=_("The run that counts as before; versions of the code other than this one come first."),
            **kept("before", next(iter(others)), allowed=others, parse=int),
        )
    show_changes(benchmarks.get(int(before)), run)


def show_changes(before: BenchmarkRun, after: BenchmarkRun) -> None:
    """Chart and table of the changes from one run to another."""
    changes = benchmarks.compare(before, after)
    if not changes:
        st.caption(_("The two runs have no measurement in common."))
        return
    verdicts = {True: _("beyond noise"), False: _("within noise"), None: _("noise not known")}
    sides = unique([f"{side_text(each.after)}, {unit_of(each.after.unit)[0]}" for each in changes])
    relative = {side: (shares(each), each.beyond_noise) for side, each in zip(sides, changes, strict=True)}
    moved = sum(each.beyond_noise is True for each in changes)
    text = _("{moved} of {all} figures changed beyond noise from {before} to {after}.")
    words = text.format(moved=moved, all=len(changes), before=before.code_version, after=after.code_version)
    st.markdown(words)
    figure = change_chart(
        relative,
        names=(_("beyond noise"), _("within noise or not known")),
        title=_("Change since the earlier run"),
        x_title=_("Share of the earlier figure"),
        **look(),
    )
    chart(figure, alt=words, key="changes")
    rows = [
        {
            _("Side"): side,
            _("Before"): figure_text(each.before.figure, unit_of(each.before.unit)[1]),
            _("After"): figure_text(each.after.figure, unit_of(each.after.unit)[1]),
            _("Change"): formats.DASH if each.relative is None else f"{each.relative:+.1%}",
            _("Verdict"): verdicts[each.beyond_noise],
        }
        for side, each in zip(sides, changes, strict=True)
    ]
    st.dataframe(rows, hide_index=True, height="content")
    if any(len(each.before.samples) < benchmarks.FEW_ROUNDS for each in changes):
        st.caption(
            _("With fewer than {count} rounds noise is underestimated: take small changes with care.").format(
                count=benchmarks.FEW_ROUNDS
            )
        )


def shares(change: benchmarks.Change) -> Interval:
    """A change as a share of what was before; NaN where that was 0."""
    base = abs(change.before.figure.value) or math.nan
    low, high = change.difference.low / base, change.difference.high / base
    return Interval(value=change.difference.value / base, low=low, high=high)


def unique(names: Sequence[str]) -> list[str]:
    """Names that occur more than once, numbered: each needs a line of its own."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found
