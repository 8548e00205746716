# SPDX-License-Identifier: AGPL-3.0-only
"""A heat map of patches and detectors, figures with their intervals in the cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from dashboard.charts.theme import SCALE, as_text, folded, inks, styled

OWN = "◆"  # a second sign beside the frame
ADAPTIVE = "◈"  # in its place
ROW_PX, NAMES_PX = 46, 110


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell.

    Attributes:
        value: decides the colour; None for none.
        lines: what is written in it, at least one.
        own: it is framed: the patch was made on this detector.
        adaptive: its sign is another: it was made through this defence, too.
    """

    value: float | None
    lines: tuple[str, ...]
    own: bool = False
    adaptive: bool = False


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
    """A row for each control and patch, a column for each defended detector; bright where a patch is strong.

    Its last trace has a point in each cell, row by row, for clicks: a heat map itself takes none.

    Args:
        rows, columns: their names.
        cells: in the order of the rows, then of the columns.
        controls: how many rows, from the top, are no patches; a line parts them.
        stronger_low: a strong patch has low values.
        title: in the session's language.
    """
    top = max([1.0, *(cell.value for row in cells for cell in row if cell.value is not None)])
    figure = go.Figure(
        go.Heatmap(
            z=[[cell.value for cell in row] for row in cells],
            zmin=0,
            zmax=top,
            colorscale=SCALE,
            reversescale=stronger_low,
            showscale=False,
            xgap=2,
            ygap=2,
            hoverinfo="skip",
        )
    )
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
    tints = [[_ink(cell, top, stronger_low, inks(dark)[0]) for cell in row] for row in cells]
    frames = _frames(cells, tints)
    figure.update_layout(
        annotations=_texts(cells, tints, large),
        shapes=[*frames, *_line_below(controls, len(rows), inks(dark)[0])],
    )
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True}
    names = [folded(each, 14) for each in columns]
    figure.update_xaxes(tickvals=list(range(len(columns))), ticktext=names, side="bottom", **axis)
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=[folded(each, 16) for each in rows], **axis)
    figure.update_xaxes(range=[-0.5, len(columns) - 0.5])
    figure.update_yaxes(range=[len(rows) - 0.5, -0.5])
    return figure


def _ink(cell: Cell, top: float, stronger_low: bool, ink: str) -> str:
    """Black or white, whichever is read better on the cell's colour; the page's own ink on a blank one."""
    if cell.value is None:
        return ink
    share = min(max(cell.value / top, 0.0), 1.0)
    (tint,) = sample_colorscale(SCALE, [1 - share if stronger_low else share], colortype="tuple")
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in tint]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#FFFFFF"  # where both have the same contrast (WCAG 2.1)


def _texts(
    cells: Sequence[Sequence[Cell]], tints: Sequence[Sequence[str]], large: bool
) -> list[dict[str, object]]:
    return [
        {
            "x": column,
            "y": row,
            "text": "<br>".join(map(as_text, _written(cell))),
            "font": {"size": 16 if large else 12, "color": tints[row][column]},
            "showarrow": False,
        }
        for row, line in enumerate(cells)
        for column, cell in enumerate(line)
    ]


def _written(cell: Cell) -> tuple[str, ...]:
    first, *others = cell.lines
    return (f"{first} {ADAPTIVE if cell.adaptive else OWN}" if cell.own else first, *others)


def _frames(cells: Sequence[Sequence[Cell]], tints: Sequence[Sequence[str]]) -> list[dict[str, object]]:
    """Frames within the cells of patches on their own detectors."""
    return [
        {
            "type": "rect",
            "x0": column - 0.46,
            "x1": column + 0.46,
            "y0": row - 0.4,
            "y1": row + 0.4,
            "line": {"color": tints[row][column], "width": 2},
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
