# SPDX-License-Identifier: AGPL-3.0-only
"""The columns of the table of runs: their names, what they mean, and how their values are written."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dashboard.components import EXPLAINED, SCORES, state_name
from dashboard.drawing import st
from dashboard.i18n import N_, _
from dashboard.parts.run_names import run_name
from dashboard.parts.setting_names import named_value, setting_name
from dashboard.services.run_table import COLUMNS, Row

TITLES = {
    "number": N_("Number"),
    "name": N_("Name"),
    "state": N_("State"),
    "tags": N_("Tags"),
    "dataset": N_("Dataset"),
    "detector": N_("Detector"),
    "class": N_("Class"),
    "images": N_("Images"),
    "unseen": N_("Held out"),
    "created": N_("Created"),
    "patch": N_("Patch"),
    "notes": N_("Notes"),
    "grey_asr": N_("ASR of a grey patch"),
    "elapsed_s": N_("Time (s)"),
    "image_iterations_per_s": N_("Images per second"),
    "peak_memory_bytes": N_("Peak memory"),
    "iterations_done": N_("Completed iterations"),
    "steps": N_("Steps"),
    "image_iterations": N_("Image-iterations"),
    **SCORES,
}
HELPS = {
    **EXPLAINED,
    "images": N_("Number of images it was scored on."),
    "unseen": N_("Whether it was scored on images that the run did not use."),
    "grey_asr": N_("The score of a grey patch of the same size on the same images."),
}
USUAL = (  # what matters most stands within a phone's width
    *("name", "asr", "confidence_retained", "ap50", "images", "state", "number"),
    *("dataset", "detector", "class", "tags", "elapsed_s", "created"),
)
TAG_COLOURS = ("blue", "green", "orange", "red", "violet", "yellow", "gray")
_WIDTHS = {"number": 60, "name": 200, "state": 95, "tags": 140}
_FORMATS = {"score": "%.2f", "seconds": "%.0f", "bytes": "bytes"}


def title(column: str) -> str:
    """What a column is called, in the session's language."""
    return _(TITLES[column]) if column in TITLES else setting_name(column)


def option(column: str) -> str:
    """A column's name with its key, by which filters know it."""
    return f"{title(column)} · {column}"


def tag_colour(tag: str) -> str:
    """A tag's colour: the same for the same tag, everywhere."""
    return TAG_COLOURS[zlib.crc32(tag.encode()) % len(TAG_COLOURS)]


def data(shown: Sequence[Row], columns: Sequence[str]) -> dict[str, list[Any]]:
    """Column → a value for each line, as the browser sorts and shows it."""
    return {column: _values(shown, column) for column in columns}


def _values(shown: Sequence[Row], column: str) -> list[Any]:
    kind, values = COLUMNS[column], [row.values.get(column) for row in shown]
    if column == "name":
        return [None if value is None else run_name(value) for value in values]
    if kind == "state":
        names = {value: state_name(value) for value in set(values) if value is not None}
        return [names.get(value) for value in values]
    if kind == "moment":
        return [None if value is None else datetime.fromtimestamp(value) for value in values]
    if kind == "tags":
        return [value or [] for value in values]
    if kind in ("setting", "flag") and not _numeric(values):
        return [None if value is None else named_value(column, value) for value in values]
    return values


def _numeric(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)


def numeric(shown: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """Those columns that hold numbers in at least one line, such as charts have axes of."""
    texts = {"number", "patch", "created"}  # numbers in name alone
    found = []
    for column in columns:
        values = [row.values.get(column) for row in shown]
        if column not in texts and any(value is not None for value in values) and _numeric(values):
            found.append(column)
    return found


def config(shown: Sequence[Row], columns: Sequence[str]) -> dict[str, Any]:
    """Column → how Streamlit's table heads and writes it."""
    return {column: _config(shown, column) for column in columns}


def _config(shown: Sequence[Row], column: str) -> Any:
    kind, made = COLUMNS[column], st.column_config
    meaning = _(HELPS[column]) if column in HELPS else ""
    key = _("Filter name: {key}").format(key=f"`{column}`")
    head: dict[str, Any] = {
        "label": title(column),
        "help": f"{meaning} {key}".strip(),
        "width": _WIDTHS.get(column),
    }
    if kind == "tags":
        tags = sorted({tag for row in shown for tag in row.values.get("tags", ())})
        return made.MultiselectColumn(**head, options=tags, color=[tag_colour(tag) for tag in tags])
    if kind == "moment":
        return made.DatetimeColumn(**head, format="YYYY-MM-DD HH:mm")
    if kind in _FORMATS:
        return made.NumberColumn(**head, format=_FORMATS[kind])
    return made.Column(**head, pinned=column == "name" or None)
