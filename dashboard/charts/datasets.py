# SPDX-License-Identifier: AGPL-3.0-only
"""Figures of a dataset: objects per image, classes, box sizes and places, batch sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.charts.theme import SCALE, colour, styled

PATTERNS = ("", "/", ".")  # a second sign beside the colour


def object_histogram(
    images: Sequence[int],
    labels: Sequence[str],
    *,
    title: str,
    x_title: str,
    y_title: str,
    log: bool = False,
    share: bool = False,
    chosen: int | None = None,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """Bars: images by object count.

    Args:
        images: in each bucket.
        labels: of the buckets, as many.
        log: a logarithmic axis; buckets without images have no bar then.
        share: of all images in percent, in place of their number.
        chosen: the bucket to point out.
    """
    total = sum(images) or 1
    heights = [100 * count / total for count in images] if share else list(images)
    colours = [colour(1) if place == chosen else colour(0) for place in range(len(images))]
    texts = [f"{height:.1f}%" if share else f"{height:,}" for height in heights]
    figure = go.Figure(
        go.Bar(
            x=list(labels),
            y=heights,
            text=texts,
            textposition="outside",
            cliponaxis=False,
            marker={"color": colours},
            hovertemplate="%{x}: %{text}<extra></extra>",
        )
    )
    styled(figure, title=title, dark=dark, large=large, height=360, room=(3.4, 3.5))
    figure.update_xaxes(title=x_title, type="category", showgrid=False)
    figure.update_yaxes(title=y_title, type="log" if log else "linear", ticksuffix="%" if share else "")
    figure.update_layout(bargap=0.15, margin_t=64)
    return figure


def class_bars(
    counts: Mapping[str, int], *, title: str, x_title: str, dark: bool = False, large: bool = False
) -> go.Figure:
    """Horizontal bars: objects of each class, the first at the top."""
    names, values = list(counts), list(counts.values())
    figure = go.Figure(
        go.Bar(
            x=values,
            y=names,
            orientation="h",
            text=[f"{value:,}" for value in values],
            textposition="outside",
            cliponaxis=False,
            marker={"color": colour(0)},
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    styled(figure, title=title, dark=dark, large=large, height=max(160, 90 + 26 * len(names)))
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    figure.update_xaxes(title=x_title)
    figure.update_layout(margin_r=56)
    return figure


def box_sizes(
    boxes: Sequence[int], *, title: str, x_title: str, y_title: str, dark: bool = False, large: bool = False
) -> go.Figure:
    """Bars: boxes by their side as a share of the image's, bins of equal width from 0 to 1."""
    width = 100 / max(len(boxes), 1)
    figure = go.Figure(
        go.Bar(
            x=[(place + 0.5) * width for place in range(len(boxes))],
            y=list(boxes),
            width=width * 0.92,
            marker={"color": colour(2)},
            hovertemplate="%{x:.1f}%: %{y}<extra></extra>",
        )
    )
    styled(figure, title=title, dark=dark, large=large)
    figure.update_xaxes(title=x_title, range=[0, 100], ticksuffix="%")
    figure.update_yaxes(title=y_title)
    return figure


def box_centres(
    cells: Sequence[Sequence[int]],
    *,
    title: str,
    legend: str,
    x_title: str,
    y_title: str,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """A heat map over the image: boxes with their centre in each cell, rows from the top, axes in percent."""
    height, width = 100 / max(len(cells), 1), 100 / max(len(cells[0]) if cells else 1, 1)
    figure = go.Figure(
        go.Heatmap(
            z=[list(row) for row in cells],
            x0=width / 2,
            dx=width,
            y0=height / 2,
            dy=height,
            colorscale=SCALE,
            colorbar={"title": {"text": legend}, "thickness": 14},
            hovertemplate="%{z} (%{x:.0f}%, %{y:.0f}%)<extra></extra>",
        )
    )
    styled(figure, title=title, dark=dark, large=large)
    whole = {"showgrid": False, "ticksuffix": "%", "dtick": 25}
    figure.update_xaxes(title=x_title, range=[0, 100], constrain="domain", **whole)
    figure.update_yaxes(
        title=y_title, range=[100, 0], constrain="domain", scaleanchor="x", scaleratio=0.75, **whole
    )
    return figure


def batch_sizes(
    sizes: Mapping[str, Mapping[int, int]],
    *,
    title: str,
    x_title: str,
    y_title: str,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """Grouped bars: strategy → (images a batch → batches)."""
    figure = go.Figure()
    for place, (name, batches) in enumerate(sizes.items()):
        figure.add_bar(
            x=list(batches),
            y=list(batches.values()),
            name=name,
            marker={
                "color": colour(place),
                "pattern": {"shape": PATTERNS[place % len(PATTERNS)], "fillmode": "overlay"},
            },
        )
    styled(figure, title=title, dark=dark, large=large)
    figure.update_xaxes(title=x_title, dtick=1 if _largest(sizes) <= 16 else None)
    figure.update_yaxes(title=y_title)
    figure.update_layout(barmode="group")
    return figure


def _largest(sizes: Mapping[str, Mapping[int, int]]) -> int:
    return max((size for batches in sizes.values() for size in batches), default=0)
