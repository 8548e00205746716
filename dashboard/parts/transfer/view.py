# SPDX-License-Identifier: AGPL-3.0-only
"""One matrix: its heat maps and tables, what failed, a cell's images, and the downloads."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from dashboard import formats
from dashboard.charts.matrix import ADAPTIVE, OWN, Cell, heat_map
from dashboard.components import CONDITIONS, MEANINGS, SCORES, chart, controls, go_to, guarded, look, table
from dashboard.downloads import save_button
from dashboard.drawing import Markdown, st
from dashboard.i18n import N_, _
from dashboard.page_state import choose, kept
from dashboard.parts.before_after import Known, changed_images
from dashboard.parts.defence_choice import chain_name
from dashboard.parts.jobs.controls import asked_twice
from dashboard.parts.run_names import run_name
from dashboard.parts.transfer.columns import columns, figure_text
from dashboard.services import datasets, matrices, seen
from dashboard.services.matrices import Figure, Matrix, Table, TableColumn, TableRow

STATES = {
    "running": N_("Running or stopped early: {ended} of {total} cells are available."),
    "interrupted": N_(
        "Interrupted: {ended} of {total} cells are available. Start the same matrix again to resume."
    ),
    "finished": N_("{ended} of {total} cells."),
}
LOW_IS_STRONG = ("confidence_retained", "ap50", "ap50_95", "relative_ap50")


def situation(matrix: Matrix) -> None:
    """How far the matrix is, and where it came from."""
    text = _(STATES[matrix.state]).format(ended=matrix.ended, total=matrix.total)
    asked = matrix.request
    about = _("{class_name}, images of {size} px, started {when}").format(
        class_name=", ".join(matrices.class_names(matrix)),
        size=asked["image_size"],
        when=formats.moment(matrix.started_at),
    )
    st.caption(f"{text} {about}")
    if matrix.job_id is not None:
        go_to("jobs", _("Open its job"), job=matrix.job_id)


def metric_choice() -> str:
    """The score that the heat maps show."""
    with controls("transfer-metric"):
        return st.selectbox(
            _("Score"),
            list(SCORES),
            format_func=lambda key: _(SCORES[key]),
            width=320,
            help=_("The score shown in the cells. Bright cells mean strong patches."),
            **kept("transfer.metric", "asr", allowed=SCORES),
        )


def heat_maps(matrix: Matrix, metric: str) -> None:
    """A heat map and a table of each dataset."""
    shown = matrices.tables(matrix, metric)
    for number, found in enumerate(shown):
        title = _("{score} on {dataset}").format(score=_(SCORES[metric]), dataset=found.name)
        for part, group in enumerate(grouped(found)):
            several = len({column.defence for column in found.columns}) > 1
            whose = f"{title}: {group.columns[0].name}" if several else title
            _heat_map(
                group, metric, whose, [_heading(each, several) for each in group.columns], (number, part)
            )
        with st.expander(_("Table: {title}").format(title=title), icon=":material/table:"):
            table(table_rows(found))
        columns(matrix, found.dataset)
    if any(each.adaptive for found in shown for figures in found.figures for each in figures):
        st.caption(
            _("{sign} and a border: the patch was made on this detector through this defence.").format(
                sign=ADAPTIVE
            )
        )
    if any(each.own for found in shown for figures in found.figures for each in figures):
        st.caption(_("{sign} and a border: the patch was made on this detector.").format(sign=OWN))
    st.caption(
        _(
            "Each score has its 95% bootstrap interval over images. A patch that is no stronger "
            "than grey shows occlusion, not an attack."
        )
    )
    st.caption(_(MEANINGS))


def grouped(found: Table) -> list[Table]:
    """A table a detector where there are several defences, which then fit on a phone; else as it is."""
    if len({column.defence for column in found.columns}) < 2:
        return [found]
    places: dict[str, list[int]] = {}
    for place, column in enumerate(found.columns):
        places.setdefault(column.detector, []).append(place)
    return [
        replace(
            found,
            columns=tuple(found.columns[place] for place in own),
            figures=tuple(tuple(figures[place] for place in own) for figures in found.figures),
        )
        for own in places.values()
    ]


def _heading(column: TableColumn, several: bool) -> str:
    return chain_name(column.defence) if several else column.name


def _heat_map(found: Table, metric: str, title: str, headings: list[str], key: tuple[int, int]) -> None:
    figure = heat_map(
        list(map(row_name, found.rows)),
        headings,
        [[_cell(each) for each in figures] for figures in found.figures],
        controls=sum(row.condition != "patch" for row in found.rows),
        stronger_low=metric in LOW_IS_STRONG,
        title=title,
        **look(),
    )
    name = f"transfer-{key[0]}-{key[1]}"
    chart(
        figure,
        alt=alt(found, metric),
        key=name,
        on_select=partial(_clicked, name, found),
        selection_mode="points",
    )


def row_name(row: TableRow) -> str:
    """A row's name in the session's language."""
    if row.condition == "patch":
        return run_name(row.name)
    return f"{_(CONDITIONS[row.condition])} {row.name}".strip()


def table_rows(found: Table) -> list[dict[str, Any]]:
    """A line for each row of the heat map."""
    return [
        {_("Patch"): row_name(row)}
        | {column.title: _text(each) for column, each in zip(found.columns, figures, strict=True)}
        for row, figures in zip(found.rows, found.figures, strict=True)
    ]


def alt(found: Table, metric: str) -> str:
    """What a heat map says, in a sentence: its size, and the strongest patch."""
    text = _(
        "Heat map of {score} on {dataset}: {patches} patches and their controls on {detectors} detectors."
    )
    patches = [row.condition == "patch" for row in found.rows]
    said = text.format(
        score=_(SCORES[metric]),
        dataset=found.name,
        patches=sum(patches),
        detectors=len({column.detector for column in found.columns}),
    )
    known = [
        (each.value, row_name(row), column.title)
        for row, figures in zip(found.rows, found.figures, strict=True)
        for each, column in zip(figures, found.columns, strict=True)
        if row.condition == "patch" and each.value is not None
    ]
    if not known:
        return said
    value, patch, name = min(known) if metric in LOW_IS_STRONG else max(known)
    strongest = _("The strongest is {patch} on {detector}: {value}.")
    return f"{said} {strongest.format(patch=patch, detector=name, value=formats.number(value))}"


def failures(matrix: Matrix) -> None:
    """Why cells have no figures."""
    names = matrices.detector_names(matrix)
    told = {(cell.subject["detector"], cell.error) for cell in matrix.cells if cell.error}
    for weights, error in sorted(told):
        text = Markdown("**{detector}**: {error}").format(detector=names[weights], error=error)
        st.warning(text, icon=":material/warning:")


def cell_images(matrix: Matrix) -> None:
    """What a patch changes on images, as one detector sees them."""
    st.subheader(_("Before and after"), anchor=False)
    names, detectors = matrices.patch_names(matrix), matrices.detector_names(matrix)
    with controls("transfer-cell"):
        st.caption(_("Click a cell, or choose here."))
        fields = st.columns(4)
        patch = fields[0].selectbox(
            _("Patch"),
            list(names),
            format_func=lambda each: run_name(names[each]),
            **_first("transfer.patch", list(names)),
        )
        weights = fields[1].selectbox(
            _("Detector"),
            list(detectors),
            format_func=detectors.__getitem__,
            **_first("transfer.detector", list(detectors)),
        )
        defence = fields[2].selectbox(
            _("Defence"),
            matrix.request["defences"],
            format_func=chain_name,
            **_first("transfer.defence", matrix.request["defences"]),
        )
        dataset = fields[3].selectbox(
            _("Dataset"),
            matrix.request["datasets"],
            format_func=lambda each: matrices.dataset_name(matrix, str(each)),
            **_first("transfer.dataset", matrix.request["datasets"]),
        )
    number = matrix.facts["patches"][patch]["id"]
    if number is not None:
        go_to("patches", _("View the patch"), patch=number)
    name = matrices.dataset_name(matrix, dataset)
    summary = next((each for each in datasets.summaries() if each.name == name), None)
    if summary is None:
        st.info(_("The dataset {dataset} is no longer imported.").format(dataset=name))
        return
    ask = partial(matrices.before_after, matrix, (patch, weights, dataset), defence)
    with guarded():
        known = Known(seen=seen.of_patch(number, summary))
        changed_images(summary, matrices.class_names(matrix), ask, "transfer.image", known)


def downloads(matrix: Matrix) -> None:
    """The figures as files, and the deletion."""
    name = f"matrix-{matrix.id}"
    with controls("transfer-files"), st.container(horizontal=True):
        save_button(
            _("CSV"),
            partial(matrices.to_csv, matrix),
            f"{name}.csv",
            "text/csv",
            key="matrix-csv",
            help=_("One row per score, with its interval."),
        )
        save_button(
            _("JSON"),
            partial(matrices.as_json, matrix),
            f"{name}.json",
            "application/json",
            key="matrix-json",
            help=_("The request and all scores of all cells."),
        )
        asked_twice(
            _("Delete"),
            _("Removes the matrix with its scores. Patches and jobs stay."),
            _("Delete this matrix"),
            partial(_delete, matrix),
            icon=":material/delete:",
            key="matrix-delete",
        )


def _first(name: str, offered: list[str]) -> dict[str, Any]:
    return kept(name, offered[0], allowed=offered)


def _cell(figure: Figure) -> Cell:
    if figure.value is None:
        return Cell(value=None, lines=(figure_text(figure),), own=figure.own)
    lines = [formats.number(figure.value)]
    if figure.low is not None and figure.high is not None:
        lines.append(f"{figure.low:.2f}–{figure.high:.2f}")  # noqa: RUF001
    return Cell(value=figure.value, lines=tuple(lines), own=figure.own, adaptive=figure.adaptive)


def _text(figure: Figure) -> str:
    text = figure_text(figure)
    signed = figure.own and figure.value is not None
    return f"{text} {ADAPTIVE if figure.adaptive else OWN}" if signed else text


def _clicked(key: str, found: Table) -> None:
    """A click on the cell of a patch chooses it; on that of a control, its detector alone."""
    points = st.session_state[key].selection.points
    if not points:
        return
    row, place = divmod(points[0]["point_index"], len(found.columns))
    _choose("transfer.detector", found.columns[place].detector)
    _choose("transfer.defence", found.columns[place].defence)
    _choose("transfer.dataset", found.dataset)
    if found.rows[row].patch:
        _choose("transfer.patch", found.rows[row].patch)


def _choose(name: str, value: str) -> None:
    st.session_state[f"widget.{name}"] = value
    choose(name, value)


def _delete(matrix: Matrix) -> None:
    matrices.delete(matrix.id)
    choose("matrix", None)
    st.session_state.pop("widget.matrix", None)
    st.toast(_("Matrix {number} was deleted.").format(number=matrix.id))
    st.rerun()
