# SPDX-License-Identifier: AGPL-3.0-only
"""JSON as all of PatchBench writes and reads it: numbers that are not finite are null."""

from __future__ import annotations

import json
import math
from typing import Any


def json_text(
    value: Any, *, indent: int | None = None, sort_keys: bool = False, ascii_only: bool = True
) -> str:
    """A value as JSON. NaN and the infinities, for which JSON has no word, become null.

    Args:
        value: what JSON can hold; tuples become lists.
        indent: spaces a level; None writes one line.
        sort_keys: order the keys of objects, so that equal values give equal texts.
        ascii_only: escape all other characters.

    Raises:
        TypeError: something in it is none of JSON's types.
    """
    how: dict[str, Any] = {"indent": indent, "sort_keys": sort_keys, "ensure_ascii": ascii_only}
    try:
        text = json.dumps(value, allow_nan=False, **how)
    except ValueError:  # seldom: most values are written without the copy
        text = json.dumps(_finite(value), allow_nan=False, **how)
    # A file name that is not UTF-8 holds lone surrogates, which no encoder takes; JSON can escape them.
    return text if ascii_only else text.encode(errors="backslashreplace").decode()


def json_document(value: Any) -> str:
    """A value as JSON for people to read: indented, with characters of all scripts as they are."""
    return json_text(value, indent=2, ascii_only=False)


def from_json(text: str | bytes) -> Any:
    """What JSON holds; NaN and the infinities, which other programs and earlier versions write, are None.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, parse_constant=lambda name: None)


def _finite(value: Any) -> Any:
    """A copy in which None stands for numbers that are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
