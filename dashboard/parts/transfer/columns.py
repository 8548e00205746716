# SPDX-License-Identifier: AGPL-3.0-only
"""What each column of a matrix costs, and what its strongest attackers leave."""

from __future__ import annotations

from typing import Any

from dashboard import formats
from dashboard.components import table
from dashboard.drawing import Markdown, st
from dashboard.i18n import _
from dashboard.parts.defence_choice import chain_name
from dashboard.parts.run_names import run_name
from dashboard.services import matrices
from dashboard.services.matrices import Attack, ColumnSummary, Figure, Matrix


def columns(matrix: Matrix, dataset: str) -> None:
    """A line for each detector and defence, first the one that leaves most under the adaptive attacker."""
    text = _("**Cost of each column, and AP50 under its strongest attackers**")
    st.markdown(Markdown(text))
    table(column_rows(matrix, dataset))
    st.caption(
        _(
            "Adaptive: made on this detector through this defence, so the attacker knew both. "
            "Defences are sorted by AP50 under that attacker. A defence tested only against "
            "attackers who did not know of it has proven nothing yet."
        )
    )


def column_rows(matrix: Matrix, dataset: str) -> list[dict[str, Any]]:
    """The lines of the table."""
    names = matrices.patch_names(matrix)
    return [_row(each, names) for each in matrices.summaries(matrix, dataset)]


def _row(summary: ColumnSummary, names: dict[str, str]) -> dict[str, Any]:
    return {
        _("Detector"): summary.column.name,
        _("Defence"): chain_name(summary.column.defence),
        _("Clean AP50"): figure_text(summary.clean),
        _("ms per image"): _milliseconds(summary),
        _("Strongest attacker"): _attack(summary.best, names),
        _("Adaptive attacker"): _attack(summary.adaptive, names),
    }


def figure_text(figure: Figure) -> str:
    """A figure with its interval, or why there is none."""
    if figure.error:
        return _("failed")
    if figure.pending:
        return _("not yet")
    return formats.interval(figure.value, (figure.low, figure.high))


def _milliseconds(summary: ColumnSummary) -> str:
    """The time, and of a defended one how it compares with none."""
    with_it, without = summary.ms_per_image, summary.undefended_ms_per_image
    if with_it is None:
        return "–"  # noqa: RUF001
    if without is None or with_it == without:
        return f"{with_it:.1f}"
    return f"{with_it:.1f} ({with_it - without:+.1f})"


def _attack(attack: Attack | None, names: dict[str, str]) -> str:
    if attack is None:
        return _("not tested")
    return f"{figure_text(attack.left)} · {run_name(names[attack.patch])}"
