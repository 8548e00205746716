# SPDX-License-Identifier: AGPL-3.0-only
"""CSV as PatchBench writes it: a spreadsheet takes no cell for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

# With these a spreadsheet begins a formula, which may call programs or send what is in other cells
# (https://owasp.org/www-community/attacks/CSV_Injection); some read full-width signs as the plain ones.
_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def csv_text(rows: Iterable[Sequence[Any]], *, line_end: str = "\r\n") -> str:
    """Rows as CSV, the first of them usually the names of the columns; None is an empty cell."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows([inert(cell) for cell in row] for row in rows)
    return text.getvalue()


def inert(cell: Any) -> Any:
    """A cell that is shown as it is: a text that would begin a formula gets an apostrophe; numbers stay."""
    if isinstance(cell, str) and cell.startswith(_BEGINNINGS) and not _is_number(cell):
        return f"'{cell}"
    return cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip() == text
