# SPDX-License-Identifier: AGPL-3.0-only
"""A heat map of patches and detectors, figures with their intervals in the cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard.charts.theme import SCALE, as_text, folded, inks, styled

OWN = "◆"  # a second sign beside the frame
ROW_PX, NAMES_PX = 46, 110


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell.

    Attributes:
        value: decides the colour; None for none.
        lines: what is written in it.
        own: it is framed: the patch was made on this detector.
    """

    value: float | None
    lines: tuple[str, ...]
    own: bool = False


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[Cell]],
    *,
    controls: int,
    stronger_low: bool,
    title: str,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """A row for each control and patch, a column for each detector; bright where a patch is strong.

    Its last trace has a point in each cell, row by row, for clicks: a heat map itself takes none.

    Args:
        rows, columns: their names.
        cells: in the order of the rows, then of the columns.
        controls: how many rows, from the top, are no patches; a line parts them.
        stronger_low: a strong patch has low values.
        title: in the session's language.
    """
    figure = go.Figure(
        go.Heatmap(
            z=[[cell.value for cell in row] for row in cells],
            zmin=0,
            zmax=max([1.0, *(cell.value for row in cells for cell in row if cell.value is not None)]),
            colorscale=SCALE,
            reversescale=stronger_low,
            showscale=False,
            text=[["<br>".join(map(as_text, _written(cell))) for cell in row] for row in cells],
            texttemplate="%{text}",
            textfont={"size": 16 if large else 12},
            xgap=2,
            ygap=2,
            hoverinfo="skip",
        )
    )
    _add_blanks(figure, cells, dark, large)
    places = [(row, column) for row in range(len(rows)) for column in range(len(columns))]
    figure.add_scatter(
        x=[column for _row, column in places],
        y=[row for row, _column in places],
        customdata=[
            f"{rows[row]}, {columns[column]}: {' '.join(cells[row][column].lines)}" for row, column in places
        ],
        hovertemplate="%{customdata}<extra></extra>",
        mode="markers",
        marker={"symbol": "square", "size": 40, "opacity": 0},
        showlegend=False,
    )
    styled(figure, title=as_text(title), dark=dark, large=large, height=NAMES_PX + ROW_PX * len(rows))
    ink = inks(dark)[0]
    figure.update_layout(shapes=[*_frames(cells, ink), *_line_below(controls, len(rows), ink)])
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True}
    names = [folded(each, 14) for each in columns]
    figure.update_xaxes(tickvals=list(range(len(columns))), ticktext=names, side="bottom", **axis)
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=[folded(each, 16) for each in rows], **axis)
    figure.update_xaxes(range=[-0.5, len(columns) - 0.5])
    figure.update_yaxes(range=[len(rows) - 0.5, -0.5])
    return figure


def _written(cell: Cell) -> tuple[str, ...]:
    if cell.value is None:
        return ()
    first, *others = cell.lines
    return (f"{first} {OWN}" if cell.own else first, *others)


def _add_blanks(figure: go.Figure, cells: Sequence[Sequence[Cell]], dark: bool, large: bool) -> None:
    """What stands in cells without a value, of which a heat map draws nothing."""
    blank = [
        (column, row, cell)
        for row, line in enumerate(cells)
        for column, cell in enumerate(line)
        if cell.value is None
    ]
    figure.add_scatter(
        x=[column for column, _row, _cell in blank],
        y=[row for _column, row, _cell in blank],
        text=["<br>".join(map(as_text, cell.lines)) for _column, _row, cell in blank],
        mode="text",
        textfont={"size": 16 if large else 12, "color": inks(dark)[0]},
        hoverinfo="skip",
        showlegend=False,
    )


def _frames(cells: Sequence[Sequence[Cell]], ink: str) -> list[dict[str, object]]:
    """Frames around the cells of patches on their own detectors, within the gaps."""
    return [
        {
            "type": "rect",
            "x0": column - 0.48,
            "x1": column + 0.48,
            "y0": row - 0.46,
            "y1": row + 0.46,
            "line": {"color": ink, "width": 3},
        }
        for row, line in enumerate(cells)
        for column, cell in enumerate(line)
        if cell.own
    ]


def _line_below(controls: int, rows: int, ink: str) -> list[dict[str, object]]:
    if not 0 < controls < rows:
        return []
    place = controls - 0.5
    line = {"color": ink, "width": 2, "dash": "dot"}
    return [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": place, "y1": place, "line": line}]
