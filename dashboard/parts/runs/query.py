# SPDX-License-Identifier: AGPL-3.0-only
"""What the list of runs shows and in which order: a filter, facets, columns; all of it stands in the link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from dashboard.components import state_name
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import kept
from dashboard.parts.runs.columns import USUAL, option, title
from dashboard.services import run_filter, run_table
from dashboard.services.run_table import COLUMNS, FACETS, Row
from engine.errors import SettingsError

EXAMPLE = "asr > 0.5 and batch_size = 8"  # filters are written alike in all languages
SEVERAL: dict[str, Any] = {
    "parse": lambda text: [unquote(part) for part in text.split(",")],
    "write": lambda values: ",".join(quote(each, safe="") for each in values),
}


@dataclass(frozen=True, kw_only=True)
class Query:
    """The lines to show, in order, and their columns."""

    rows: list[Row]
    columns: list[str]


def ask(known: list[Row]) -> Query:
    """Widgets for filter, facets, columns and order, and what comes of them.

    Args:
        known: all lines, newest first.
    """
    text, buttons = st.columns([3, 2], vertical_alignment="bottom")
    where = text.text_input(
        _("Filter"),
        placeholder=EXAMPLE,
        icon=":material/filter_alt:",
        help=_(
            "Words are searched in names, tags, notes, datasets, detectors and classes. Compare "
            "columns with <, <=, >, >=, =, != and ~ (contains), and combine conditions with and, "
            "or, not and brackets. The help of a column header shows its filter name."
        ),
        **kept("runs.where", ""),
    )
    with buttons.container(horizontal=True, vertical_alignment="bottom"):
        rows = _faceted(known)
        columns = _columns(rows)
        column, falling = _order()
    try:
        wanted = run_filter.parse(where, COLUMNS)
    except SettingsError as error:
        st.error(str(error), icon=":material/error:")
        return Query(rows=[], columns=columns)
    found = [row for row in rows if wanted(row.values)]
    return Query(rows=run_table.ordered(found, column, falling=falling), columns=columns)


def _faceted(known: list[Row]) -> list[Row]:
    """The lines with the chosen values of each facet."""
    with st.popover(
        _("Filter by"), icon=":material/checklist:", help=_("Show only certain states, datasets, tags …")
    ):
        chosen = {facet: _facet(known, facet) for facet in FACETS}
    return [row for row in known if all(_has(row, facet, some) for facet, some in chosen.items() if some)]


def _facet(known: list[Row], facet: str) -> list[str]:
    counts = run_table.facet_values(known, facet)

    def words(value: str) -> str:
        name = state_name(value) if facet == "state" else value
        return f"{name} ({counts[value]})"

    found: list[str] = st.multiselect(
        title(facet),
        list(counts),
        format_func=words,
        placeholder=_("All"),
        **kept(f"runs.{facet}", [], allowed=list(counts), **SEVERAL),
    )
    return found


def _has(row: Row, facet: str, some: list[str]) -> bool:
    value = row.values.get(facet, [])
    return bool({str(each) for each in (value if isinstance(value, list) else [value])} & set(some))


def _columns(rows: list[Row]) -> list[str]:
    """The columns chosen, and those settings in which the lines differ if that is wanted."""
    with st.popover(_("Columns"), icon=":material/view_column:"):
        chosen: list[str] = st.multiselect(
            _("Columns"),
            list(COLUMNS),
            format_func=option,
            **kept("runs.columns", list(USUAL), allowed=COLUMNS, **SEVERAL),
        )
        differing = st.toggle(
            _("Settings that differ"),
            help=_("Adds a column for each setting that differs between the runs."),
            **kept("runs.differing", True, parse=lambda text: text == "True"),
        )
    found = list(dict.fromkeys([*chosen, *(run_table.differing(rows) if differing else ())]))
    return found or ["name"]


def _order() -> tuple[str, bool]:
    with st.popover(_("Order"), icon=":material/sort:"):
        column = st.selectbox(
            _("By"), list(COLUMNS), format_func=option, **kept("runs.order", "created", allowed=COLUMNS)
        )
        falling = st.toggle(
            _("Largest first"), **kept("runs.falling", True, parse=lambda text: text == "True")
        )
    return column, falling
