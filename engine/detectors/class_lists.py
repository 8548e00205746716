# SPDX-License-Identifier: AGPL-3.0-only
"""Reads a detector's classes from a file: one name a line, a list in JSON, or `names` in YAML. No torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from engine.errors import DetectorError
from engine.excerpts import short_line
from engine.outpost import here

_MAX_BYTES = 2**20
_BACKGROUND = ("__background__", "background")
_FORMS = "one name per line, a JSON list, or YAML with names"


def read_class_list(path: str | Path) -> tuple[str, ...]:
    """The class names in a file, by index.

    Args:
        path: a text file, or by its suffix `.json` or `.yaml`; a mapping has the names by index, or under
            `names`.

    Raises:
        DetectorError: there is no such file, or no names in it.
    """
    file = here(Path(path).expanduser())
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise _wrong(file, f"more than {_MAX_BYTES // 2**20} MiB")
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise _wrong(file, error.strerror or "a faulty file") from error
    except UnicodeError as error:
        raise _wrong(file, "text that is not UTF-8") from error
    names = _names(_content(file, text))
    if not names:
        raise _wrong(file, "no names")
    return names


def without_background(names: Sequence[str], count: int) -> tuple[str, ...]:
    """The names without a leading one of the background, if they are one more than `count` with it."""
    has_background = len(names) == count + 1 and names[0].lower() in _BACKGROUND
    return tuple(names[1:] if has_background else names)


def _content(file: Path, text: str) -> Any:
    try:
        if file.suffix.lower() == ".json":
            return json.loads(text)
        if file.suffix.lower() in (".yaml", ".yml"):
            return yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise _wrong(file, short_line(error)) from error
    return [line.strip() for line in text.strip().splitlines()]


def _names(content: Any) -> tuple[str, ...]:
    """Names from a list, a dict by index, or either under `names`; empty if they are none."""
    if isinstance(content, dict) and "names" in content:
        content = content["names"]
    if isinstance(content, dict):
        by_index = {int(key): value for key, value in content.items() if str(key).isdecimal()}
        is_whole = set(by_index) == set(range(len(content)))
        content = [by_index[index] for index in range(len(content))] if is_whole else ()
    known = content if isinstance(content, list) else ()
    return tuple(map(str, known)) if all(isinstance(each, str | int) for each in known) else ()


def _wrong(file: Path, got: str) -> DetectorError:
    return DetectorError(f"detector classes: expected a file with {_FORMS}, got {file}: {got}")
