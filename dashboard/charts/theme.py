# SPDX-License-Identifier: AGPL-3.0-only
"""One template for all charts, light and dark, in colours that the colour-blind can distinguish."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from textwrap import wrap
from typing import Any
from unicodedata import east_asian_width
from zlib import crc32

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio

pio.templates.default = None  # Plotly would check its own look for each figure, then ours over it

Bounded = tuple[float | None, float | None, float | None]  # value, low, high; None where undefined

# Okabe and Ito (2008), without black; ordered so that neighbours differ in lightness as well.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
_INK = {"light": ("#10151B", "#D5DCE4", "#FFFFFF"), "dark": ("#E8EDF2", "#364250", "#10151B")}
DASHES = ("solid", "dash", "dot", "dashdot")  # a second sign beside colour, for more than seven lines
LEGEND_WIDTH = 44  # letters of a line
TITLE_WIDTH = 46
SCALE = "Cividis"  # of heat maps, dark to bright; readable for the colour-blind
CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["sendDataToCloud", "select2d", "lasso2d", "autoScale2d"],
}


def colour(index: int) -> str:
    """The colour of the index-th series; they repeat after seven."""
    return COLOURS[index % len(COLOURS)]


def thick(large: bool) -> float:
    """The width in pixels of a line that is to be read."""
    return 4 if large else 2.5


def dot_px(large: bool) -> int:
    """The size in pixels of a point that is to be read."""
    return 14 if large else 9


def stroke(index: int, large: bool) -> dict[str, Any]:
    """The line of the index-th series, distinguished by colour and by dashes."""
    return {"color": colour(index), "dash": DASHES[index % len(DASHES)], "width": thick(large)}


def error_bars(figures: Sequence[Bounded], dark: bool) -> dict[str, Any]:
    """The intervals of figures (value, low, high); none where it is undefined, None or NaN."""
    up = [_distance(high, value) for value, _low, high in figures]
    down = [_distance(value, low) for value, low, _high in figures]
    ink = inks(dark)[0]
    return {"type": "data", "array": up, "arrayminus": down, "color": ink, "thickness": 1.5}


def _distance(high: float | None, low: float | None) -> float | None:
    """Never below 0; 0 where a bound is NaN, as comparisons with it are false."""
    if high is None or low is None:
        return None
    return high - low if high > low else 0.0


def inks(dark: bool) -> tuple[str, str, str]:
    """The colours of type, of grids and of the paper, on a dark page or a light one."""
    return _INK["dark" if dark else "light"]


def styled(
    figure: go.Figure,
    *,
    title: str,
    dark: bool = False,
    large: bool = False,
    height: int = 320,
    room: tuple[float, float] = (0.6, 0.6),
) -> go.Figure:
    """Give a figure the house's look; texts of its traces are shown as they are.

    Args:
        title: what it shows, with units; in the session's language.
        dark: on a dark page.
        large: for a projector: larger type, higher.
        height: in pixels, before `large`.
        room: what labels, titles and legend will take on the left and below, in heights of type.
    """
    ink, grid, paper = inks(dark)
    size = 19 if large else 13
    lines, high = fitting(title, TITLE_WIDTH), round(height * (1.5 if large else 1))
    more = len(lines) - 1
    axis = {"gridcolor": grid, "linecolor": grid, "zerolinecolor": grid, "automargin": True}
    figure.update_layout(
        title={
            "text": "<br>".join(lines),
            "font": {"size": size + 2},
            "x": 0,
            "xref": "paper",
            "y": 0.98 - more * 0.7 * (size + 2) / high,  # Plotly moves several lines up by half of them
            "yanchor": "top",
        },
        height=high,
        colorway=COLOURS,
        font={"family": "Source Sans, sans-serif", "size": size, "color": ink},
        paper_bgcolor=paper,
        plot_bgcolor=paper,
        # Room that does not suffice is enlarged, but for that Plotly draws the whole chart again.
        margin={"l": room[0] * size, "r": 8, "t": 3 * size + more * 1.5 * size, "b": room[1] * size},
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
        hoverlabel={"font": {"size": size}, "namelength": -1},
    )
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    for trace in figure.data:
        for key in ("x", "y", "customdata"):
            values = trace[key]
            if values is not None and _has_text(values):  # Plotly checks anew whatever is set
                trace[key] = _as_text(values)
        if trace.name is not None:
            trace.name = "<br>".join(map(as_text, legend_lines(trace.name)))
    return figure


def revision(figure: go.Figure) -> int:
    """A number for a figure, for Plotly's `datarevision`: as long as it stays, no data is drawn anew.

    Streamlit hands each new chart to Plotly twice, in copies that Plotly would take for other data.
    """
    return crc32(figure.to_json(validate=False).encode())


def legend_lines(name: str) -> list[str]:
    """A series' name in lines that a phone has room for; never cut off."""
    return wrap(name, LEGEND_WIDTH)


def as_text(written: str) -> str:
    """Somebody else's text, such as a name, for Plotly to show as it is: it reads `<b>` and `<a>` as HTML."""
    return escape(written, quote=False)


def _has_text(values: Any) -> bool:
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values.dtype.kind == "U"
    return isinstance(values, str) or any(isinstance(each, str) for each in values)


def _as_text(values: Any) -> Any:
    if isinstance(values, str):
        return as_text(values)
    return [as_text(each) if isinstance(each, str) else each for each in values]


def numbers(values: Sequence[Any]) -> Any:
    """Many values of a line, numbers as an array: Plotly looks at each value of a list."""
    return np.asarray(values, dtype=float) if values and isinstance(values[0], float) else list(values)


def folded(name: str, width: int = 26) -> str:
    """A name in lines short enough to leave room for the figure on a phone.

    Args:
        name: in one line.
        width: of a line in Latin letters; a Korean one is twice as wide.
    """
    return "<br>".join(map(as_text, fitting(name, width)))


def fitting(text: str, width: int) -> list[str]:
    """A text in lines of at most so many Latin letters, but for longer words."""
    lines = [""]
    for word in text.split():
        fits = not lines[-1] or columns(lines[-1]) + 1 + columns(word) <= width
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if fits else [*lines, word]
    return lines


def columns(text: str) -> int:
    """How wide a text is in Latin letters."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
