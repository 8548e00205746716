# SPDX-License-Identifier: AGPL-3.0-only
"""Runs downloads that the user named: announced before, and failing in one line."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.excerpts import short_line

log = logging.getLogger(__name__)


def fetch(
    name: str, folder: Path, result: Path, download: Callable[[], Any], error_type: type[EngineError]
) -> Path:
    """Run a download, with its bar on standard error because standard output is for results.

    Args:
        name: of what is downloaded, in messages.
        folder: where it is put, in messages.
        result: the file or folder that is there afterwards.
        download: does it.
        error_type: raised if it fails.

    Returns:
        `result`.
    """
    log.warning("Downloading %s to %s", name, folder)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            download()
    except Exception as error:  # network and disk can fail in many ways
        reason = short_line(error) or "no reason given"
        raise error_type(
            f"expected to download {name} to {folder}, got {type(error).__name__}: {reason}; "
            "connect to the network or name a local file"
        ) from error
    if not result.exists():
        raise error_type(f"expected {result} after downloading {name}, found nothing; download it manually")
    return result
