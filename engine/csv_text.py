# SPDX-License-Identifier: AGPL-3.0-only
"""Writes CSV in which spreadsheets interpret no cell as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

# First characters of formulas, which may run programs or leak other cells
# (https://owasp.org/www-community/attacks/CSV_Injection); some spreadsheets accept full-width signs too.
_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def csv_text(rows: Iterable[Sequence[Any]], *, line_end: str = "\r\n") -> str:
    """Rows as CSV, usually with a header first; None becomes an empty cell."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows([inert(cell) for cell in row] for row in rows)
    return text.getvalue()


def inert(cell: Any) -> Any:
    """Prefix a text that would be a formula with an apostrophe; other cells are unchanged."""
    if isinstance(cell, str) and cell.startswith(_BEGINNINGS) and not _is_number(cell):
        return f"'{cell}"
    return cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip() == text
