# SPDX-License-Identifier: AGPL-3.0-only
"""Many runs at a look: grouped by a column, as dots of any two columns, on parallel axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard import formats
from dashboard.charts.runs import Dot, scatter
from dashboard.charts.sweeps import axis_of, parallel_coordinates
from dashboard.components import chart, controls, look, table
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import kept
from dashboard.parts.compare.views import HIGHER_IS_STRONGER
from dashboard.parts.run_names import run_name
from dashboard.parts.runs.columns import numeric, option, title
from dashboard.parts.runs.query import SEVERAL
from dashboard.parts.setting_names import named_value
from dashboard.services import run_groups, run_table
from dashboard.services.run_groups import Group, Mean
from dashboard.services.run_table import COLUMNS, COSTS, SCORES, Row

NO_COLUMN = "-"
DRAWN = 300  # runs on parallel axes: more are a grey cloth
AXES = 8  # parallel ones that still can be read
_WHOLE = ("images",)


def groups(shown: list[Row], columns: Sequence[str]) -> None:
    """A line for each value of a column, with means over its runs."""
    offered = [key for key in COLUMNS if key not in SCORES and any(key in row.values for row in shown)]
    usual = next(iter(run_table.differing(shown)), "dataset")
    if not offered:
        st.caption(_("No runs match. Change the filter."))
        return
    with controls("runs-groups"):
        by = st.selectbox(
            _("Group by"),
            offered,
            format_func=option,
            width=320,
            **kept("runs.by", usual if usual in offered else offered[0], allowed=offered),
        )
    figures = [key for key in numeric(shown, columns) if key in SCORES or key in COSTS]
    found = run_groups.grouped(shown, by, figures)
    table([_group_row(group, by, figures) for group in found])
    st.caption(
        _("Means over the runs of a group. In brackets: 95% interval of the mean over runs (Student's t).")
    )
    others = sorted({key for group in found for key in group.differs})
    if others:
        names = ", ".join(title(key) for key in others)
        st.caption(_("Runs within a group differ in more than the seed: {names}.").format(names=names))


def _group_row(group: Group, by: str, figures: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {title(by): _value(by, group.value), _("Runs"): len(group.rows)}
    for key in figures:
        row[title(key)] = _mean(key, group.means[key]) if key in group.means else formats.DASH
    return row


def _mean(key: str, mean: Mean) -> str:
    texts = [_figure(key, each) for each in (mean.value, mean.low, mean.high)]
    return texts[0] if mean.low is None else formats.spread(*texts)


def _figure(key: str, value: float | None) -> str:
    if COLUMNS[key] == "bytes":
        return formats.bytes_text(value)
    return formats.number(value, 2 if COLUMNS[key] == "score" else 1)


def _value(column: str, value: Any) -> str:
    """A column's value as text."""
    if value is None:
        return formats.DASH
    kind = COLUMNS[column]
    if kind == "moment":
        return formats.moment(value)
    if kind in ("score", "seconds", "bytes"):
        return _figure(column, value)
    return run_name(value) if column == "name" else named_value(column, value)


def dots(shown: list[Row]) -> None:
    """Any two columns of numbers against each other."""
    offered = numeric(shown, list(COLUMNS))
    if len(offered) < 2:
        st.caption(_("Nothing to plot: these runs do not have two numeric columns."))
        return
    with controls("runs-dots"), st.container(horizontal=True, vertical_alignment="bottom"):
        x = _axis(_("X axis"), "runs.x", offered, "elapsed_s")
        y = _axis(_("Y axis"), "runs.y", offered, "asr" if "asr" in offered else offered[-1])
        by = st.selectbox(
            _("Colour by"),
            [NO_COLUMN, *COLUMNS],
            format_func=lambda key: _("none") if key == NO_COLUMN else option(key),
            width=240,
            **kept("runs.colour", NO_COLUMN, allowed=[NO_COLUMN, *COLUMNS]),
        )
        log_x, log_y = _log(_("Logarithmic x axis"), "runs.logx"), _log(_("Logarithmic y axis"), "runs.logy")
    inked = shown if by == NO_COLUMN else run_table.ordered(shown, by, falling=False)
    drawn = [_dot(row, x, y, by) for row in inked if x in row.values and y in row.values]
    figure = scatter(
        drawn,
        title=_("{y} against {x}").format(y=title(y), x=title(x)),
        x_title=title(x),
        y_title=title(y),
        log_x=log_x,
        log_y=log_y,
        **look(),
    )
    alt = _("Scatter plot of {number} runs: {y} against {x}.").format(
        number=len(drawn), y=title(y), x=title(x)
    )
    chart(figure, alt=alt, key="runs-scatter")


def _axis(label: str, name: str, offered: list[str], usual: str) -> str:
    default = usual if usual in offered else offered[0]
    found: str = st.selectbox(
        label, offered, format_func=option, width=240, **kept(name, default, allowed=offered)
    )
    return found


def _log(label: str, name: str) -> bool:
    return bool(st.toggle(label, **kept(name, False, parse=lambda text: text == "True")))


def _dot(row: Row, x: str, y: str, by: str) -> Dot:
    low, high = row.intervals.get(y, (None, None))
    facts = [_title_of(row), *(f"{title(key)}: {_value(key, row.values[key])}" for key in (x, y))]
    if by != NO_COLUMN:
        facts.append(f"{title(by)}: {_value(by, row.values.get(by))}")
    return Dot(
        x=row.values[x],
        y=(row.values[y], low, high),
        text=" · ".join(facts),
        series="" if by == NO_COLUMN else _value(by, row.values.get(by)),
    )


def _title_of(row: Row) -> str:
    return f"{row.job or ''} {run_name(row.values.get('name', ''))}".strip()


def parallel(shown: list[Row]) -> None:
    """The settings that differ and a score, a line for each run."""
    scores = [key for key in SCORES if any(key in row.values for row in shown)]
    settings = run_table.differing([row for row in shown if any(key in row.values for key in scores)])
    if not scores or not settings:
        st.caption(_("Nothing to plot: you need two scored runs with different settings."))
        return
    with controls("runs-parallel"), st.container(horizontal=True, vertical_alignment="bottom"):
        last = _axis(_("Score"), "runs.score", scores, "asr")
        offered = [key for key in COLUMNS if key in settings or key in COSTS or key in _WHOLE]
        axes = st.multiselect(
            _("Axes"),
            offered,
            format_func=option,
            max_selections=AXES,
            **kept("runs.axes", _usual_axes(settings), allowed=offered, **SEVERAL),
        )
    sized = {key for key in axes for row in shown if isinstance(row.values.get(key), int | float)} | {last}
    drawn = [row for row in shown if all(key in row.values for key in sized)][:DRAWN]
    if len(drawn) < 2 or not axes:
        st.caption(_("Nothing to plot: you need two scored runs with different settings."))
        return
    low_is_best = last not in HIGHER_IS_STRONGER
    best = min(range(len(drawn)), key=lambda at: drawn[at].values[last] * (1 if low_is_best else -1))
    figure = parallel_coordinates(
        [_parallel_axis(drawn, key) for key in (*axes, last)],
        [f"{_title_of(row)} · {title(last)} {_value(last, row.values[last])}" for row in drawn],
        best=best,
        low_is_best=low_is_best,
        title=_("Settings and {score} (thick: strongest run)").format(score=title(last)),
        **look(),
    )
    alt = _("One line for each of {number} runs; the strongest is {name}.")
    chart(figure, alt=alt.format(number=len(drawn), name=_title_of(drawn[best])), key="runs-parallel-chart")
    if len(shown) > DRAWN:
        st.caption(_("Showing the first {number} runs.").format(number=DRAWN))


def _usual_axes(settings: list[str]) -> list[str]:
    """The seed tells nothing unless nothing else differs."""
    return [key for key in settings if key != "seed"][:AXES] or settings


def _parallel_axis(drawn: list[Row], key: str) -> Any:
    values = [row.values.get(key) for row in drawn]  # what has no size, such as defences, may lack
    return axis_of(title(key), values, [_value(key, value) for value in values])
