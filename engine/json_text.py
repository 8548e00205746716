# SPDX-License-Identifier: AGPL-3.0-only
"""Writes and reads JSON, with null for non-finite numbers."""

from __future__ import annotations

import json
import math
from typing import Any

# One for all texts: `json.loads` would build another for each.
_DECODER = json.JSONDecoder(parse_constant=lambda name: None)


def json_text(
    value: Any, *, indent: int | None = None, sort_keys: bool = False, ascii_only: bool = True
) -> str:
    """A value as JSON, with NaN and infinities, which JSON lacks, as null.

    Args:
        value: of JSON's types; tuples become lists.
        indent: spaces per level; None for a single line.
        sort_keys: sort the keys of objects, which gives equal texts for equal values.
        ascii_only: escape all other characters.

    Raises:
        TypeError: a value is not of JSON's types.
    """
    options: dict[str, Any] = {"indent": indent, "sort_keys": sort_keys, "ensure_ascii": ascii_only}
    try:
        text = json.dumps(value, allow_nan=False, **options)
    except ValueError:  # a rare case, so most values need no copy
        text = json.dumps(_finite(value), allow_nan=False, **options)
    # File names that are not UTF-8 contain lone surrogates, which cannot be encoded but escaped.
    return text if ascii_only else text.encode(errors="backslashreplace").decode()


def json_document(value: Any) -> str:
    """A value as human-readable JSON: indented, with unescaped characters."""
    return json_text(value, indent=2, ascii_only=False)


def key_text(value: Any) -> str:
    """A value as JSON that is the same text for equal values, to be found by."""
    return json_text(value, sort_keys=True)


def from_json(text: str | bytes) -> Any:
    """Parse JSON; NaN and infinities, written by other programs and earlier versions, become None.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    if not isinstance(text, str):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    return _DECODER.decode(text)


def _finite(value: Any) -> Any:
    """A copy with None for non-finite numbers."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
