# SPDX-License-Identifier: AGPL-3.0-only
"""The table of runs: lines that are opened, chosen, and held against a pinned one."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

from dashboard import formats
from dashboard.components import SCORES
from dashboard.drawing import st
from dashboard.i18n import N_, _, ngettext
from dashboard.page_state import choose, chosen, reference
from dashboard.parts.compare.views import HIGHER_IS_STRONGER
from dashboard.parts.runs import columns as heads
from dashboard.services import baselines
from dashboard.services.baselines import Difference
from dashboard.services.run_table import Row

_OPENED = "runs.opened"  # in the session: how many lines were opened, as what was clicked stays clicked
MOST, ROW_PX, HEAD_PX = 18, 35, 38  # lines seen without scrolling, and Streamlit's heights
VERDICTS = {
    "stronger": N_("stronger ({low} to {high})"),
    "weaker": N_("weaker ({low} to {high})"),
    "noise": N_("within noise ({low} to {high})"),
}


def pinned(known: Sequence[Row]) -> Row | None:
    """The baseline, if one is pinned and still there."""
    wanted = chosen("runs.baseline", "")
    found = next((row for row in known if row.id == wanted), None)
    if found is not None:
        choose("runs.baseline", wanted)
    return found


def table(shown: list[Row], columns: list[str], baseline: Row | None) -> list[Row]:
    """Draw the lines; returns those that are chosen. A click on a cell opens its run."""
    compared = [score for score in baselines.COMPARED if score in columns] if baseline else []
    data, config = heads.data(shown, columns), heads.config(shown, columns)
    order = list(columns)
    if baseline is not None:
        differences = baselines.against(baseline, shown)
        data |= difference_data(shown, differences, compared)
        config |= _difference_config(compared)
        order = [each for column in columns for each in _beside(column, compared)]
        _how(differences)
    ids = zlib.crc32(",".join(row.id for row in shown).encode())
    opened = st.session_state.get(_OPENED, 0)
    picked = st.dataframe(
        data,
        hide_index=True,
        height=min(len(shown), MOST) * ROW_PX + HEAD_PX,
        column_config=config,
        column_order=order,
        placeholder=formats.DASH,
        key=f"runs.table-{ids}-{opened}",  # other lines: what was chosen by its place is not meant any more
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"],
        alt=_("The table of runs."),
    )
    for index, _column in picked["selection"]["cells"]:
        if index < len(shown):
            st.session_state[_OPENED] = opened + 1
            open_run(shown[index])
    return [shown[index] for index in picked["selection"]["rows"] if index < len(shown)]


def open_run(row: Row) -> None:
    """Go to a run's patch, or to its job while it has none."""
    from dashboard.navigation import page_of

    if row.patch is not None:
        choose("patch", row.patch)
        st.rerun()
    st.switch_page(page_of("jobs"), query_params=reference(job=row.job))


def difference_data(
    shown: Sequence[Row], differences: dict[str, dict[str, Difference]], compared: Sequence[str]
) -> dict[str, list[Any]]:
    """For each score the difference to the baseline, and whether it is beyond noise, in words."""
    data: dict[str, list[Any]] = {}
    for score in compared:
        found = [differences.get(row.id, {}).get(score) for row in shown]
        data[f"{score}.difference"] = [None if each is None else each.interval.value for each in found]
        data[f"{score}.verdict"] = [formats.DASH if each is None else verdict(score, each) for each in found]
    return data


def verdict(score: str, found: Difference) -> str:
    """Whether a difference shows a stronger patch, a weaker one or nothing, with its interval."""
    value, low, high = found.interval.value, found.interval.low, found.interval.high
    if math.isnan(low):
        return _("no interval available")
    stronger = (value > 0) is (score in HIGHER_IS_STRONGER)
    word = ("stronger" if stronger else "weaker") if found.beyond_noise else "noise"
    text = _(VERDICTS[word]).format(low=f"{low:+.2f}", high=f"{high:+.2f}")
    return text if found.paired else _("{text}, from intervals").format(text=text)


def _beside(column: str, compared: Sequence[str]) -> list[str]:
    """A column, and those of its differences right after it."""
    return [column, f"{column}.difference", f"{column}.verdict"] if column in compared else [column]


def _difference_config(compared: Sequence[str]) -> dict[str, Any]:
    made, found = st.column_config, {}
    for score in compared:
        name = _(SCORES[score])
        found[f"{score}.difference"] = made.NumberColumn(
            f"Δ {name}", format="%+.2f", help=_("The difference from the baseline.")
        )
        found[f"{score}.verdict"] = made.Column(
            _("{score} relative to the baseline").format(score=name),
            help=_("Beyond noise: the 95% interval of the difference over images excludes 0."),
        )
    return found


def _how(differences: dict[str, dict[str, Difference]]) -> None:
    """On what the verdicts rest."""
    every = [each for found in differences.values() for each in found.values()]
    paired = sum(each.paired for each in every)
    text = ngettext(
        "{number} run was scored on the baseline's images.",
        "{number} runs were scored on the baseline's images.",
        len(differences),
    ).format(number=len(differences))
    how = _(
        "{paired} of {all} differences are paired by image; the others are derived from the "
        "intervals of both scores, which are wider. Noise covers images only: another seed makes "
        "another patch."
    ).format(paired=paired, all=len(every))
    st.caption(f"{text} {how}" if every else text)
