# SPDX-License-Identifier: AGPL-3.0-only
"""What is done with the runs that are chosen in the table: compare, pin, tag, rename, save, delete."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from dashboard.components import go_to, refusal
from dashboard.downloads import save_button
from dashboard.drawing import st
from dashboard.i18n import _, ngettext
from dashboard.page_state import choose, chosen, kept
from dashboard.parts.class_choice import read_classes, write_classes
from dashboard.parts.jobs.controls import NOTES, asked_twice, make_change
from dashboard.parts.lists import opener
from dashboard.parts.run_names import name_field, run_name
from dashboard.parts.runs.table import open_run
from dashboard.services import run_files, run_table, runs
from dashboard.services.run_table import Row

_TROUBLE = "runs.trouble"
_NAMED = 8  # of those to be deleted


def actions(ticked: list[Row], shown: list[Row], columns: Sequence[str], baseline: Row | None) -> None:
    """A row of what can be done with the chosen runs, or without any with all that are shown.

    Args:
        ticked: those chosen in the table; others can be chosen by name.
        shown: the lines of the table.
        columns: its columns.
        baseline: the pinned run.
    """
    _trouble()
    said = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        _open(shown)
        ids = {*_named(shown), *(row.id for row in ticked)}
        selected = [row for row in shown if row.id in ids]
        if selected:
            _compare(selected)
            _pin(selected)
            _tags(selected)
            if len(selected) == 1:
                _name(selected[0])
        if baseline is not None and st.button(
            _("Unpin {name}").format(name=run_name(baseline.values.get("name", baseline.id))),
            icon=":material/keep_off:",
            key="runs-unpin",
        ):
            choose("runs.baseline", None)
            st.rerun()
        _files(selected or shown, columns, whole=not selected)
        if selected:
            _delete(selected)
    if selected:
        text = ngettext("{number} run selected.", "{number} runs selected.", len(selected))
        said.caption(text.format(number=f"{len(selected):,}"))
    else:
        said.caption(
            _("Select runs by their checkboxes or by name to compare, tag, pin, export or delete them.")
        )


def _named(shown: list[Row]) -> list[str]:
    """The ids of the runs that are chosen by name: a table's checkboxes are reached by a mouse alone."""
    names = {row.id: f"{row.id} · {run_name(row.values.get('name', ''))}" for row in shown}

    def read(text: str) -> list[str]:  # a filter may hide some that a link holds
        return [each for each in read_classes(text) if each in names]

    box = st.popover(_("Select by name"), icon=":material/checklist:", key="runs-select", on_change="rerun")
    if not box.open:
        return [each for each in chosen("runs.selected", [], parse=read) if each in names]
    with box:
        found: list[str] = st.multiselect(
            _("Runs"),
            list(names),
            format_func=names.__getitem__,
            placeholder=_("Choose or type"),
            **kept("runs.selected", [], allowed=names, parse=read, write=write_classes),
        )
    return found


def _open(shown: list[Row]) -> None:
    names = {place: f"{row.id} · {run_name(row.values.get('name', ''))}" for place, row in enumerate(shown)}
    if (named := opener(_("Open a run"), names, key="runs.open")) is not None:
        open_run(shown[named])


def _compare(selected: list[Row]) -> None:
    numbers = [row.job for row in selected if row.job is not None and row.values.get("state") == "succeeded"]
    if len(numbers) > 1:
        go_to("compare", _("Compare"), runs=",".join(map(str, numbers[: runs.LIMIT])))


def _pin(selected: list[Row]) -> None:
    if len(selected) == 1 and "asr" in selected[0].values:
        help_text = _("Shows the difference to this run for all others.")
        if st.button(_("Pin as baseline"), icon=":material/keep:", help=help_text, key="runs-pin"):
            choose("runs.baseline", selected[0].id)
            st.rerun()


def _tags(selected: list[Row]) -> None:
    known = sorted({tag for row in selected for tag in row.values.get("tags", ())})
    with (
        st.popover(_("Tags"), icon=":material/label:", key="runs-tags"),
        st.form("runs-tags-form", border=False),
    ):
        add = st.multiselect(
            _("Add"), known, accept_new_options=True, placeholder=_("Type a tag and press Enter")
        )
        remove = st.multiselect(_("Remove"), known, placeholder=_("None"))
        if st.form_submit_button(_("Save"), key="runs-tags-save"):
            make_change(partial(run_table.tag, selected, add=add, remove=remove))


def _name(row: Row) -> None:
    with (
        st.popover(_("Name and notes"), icon=":material/edit:", key="runs-name"),
        st.form("runs-name-form", border=False),
    ):
        name = name_field(row.values.get("name", ""), key=f"runs-name-{row.id}")
        notes = st.text_area(
            _("Notes"), row.values.get("notes", ""), key=f"runs-notes-{row.id}", help=_(NOTES)
        )
        if st.form_submit_button(_("Save"), key="runs-name-save"):
            make_change(partial(run_table.rename, row, name=name, notes=notes))


def _files(rows: list[Row], columns: Sequence[str], *, whole: bool) -> None:
    label = _("Export all shown") if whole else _("Export selected")
    with st.popover(label, icon=":material/download:", key="runs-files"):
        help_text = _("These runs with the columns shown; scores include both ends of their intervals.")
        for name, make, kind in (
            ("CSV", run_files.as_csv, "text/csv"),
            ("JSON", run_files.as_json, "application/json"),
            ("Parquet", run_files.as_parquet, "application/vnd.apache.parquet"),
        ):
            file = f"patchbench-runs.{name.lower()}"
            save_button(name, partial(make, rows, columns), file, kind, key=f"runs-{name}", help=help_text)


def _delete(selected: list[Row]) -> None:
    names = ", ".join(run_name(row.values.get("name", row.id)) for row in selected[:_NAMED])
    if len(selected) > _NAMED:
        more = len(selected) - _NAMED
        names += " " + ngettext("and {number} more", "and {number} more", more).format(number=more)
    asked_twice(
        _("Delete"),
        _("Removes these runs with their steps, patches, scores and files: {names}.").format(names=names),
        ngettext("Delete {number} run", "Delete {number} runs", len(selected)).format(number=len(selected)),
        partial(_remove, selected),
        icon=":material/delete:",
        key="runs-delete",
    )


def _remove(selected: list[Row]) -> None:
    st.session_state[_TROUBLE] = run_table.delete(selected)
    st.rerun()


def _trouble() -> None:
    """Why some could not be deleted."""
    for text in st.session_state.pop(_TROUBLE, ()):
        refusal(text)
