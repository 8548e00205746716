# SPDX-License-Identifier: AGPL-3.0-only
"""Where ART is imported, so that it writes nothing into the user's home."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def home_elsewhere() -> Iterator[None]:
    """Redirect the settings that ART writes to the home folder when imported to a temporary folder.

    They are only paths for downloads, which are not used here.
    """
    kept = {name: os.environ.get(name) for name in ("HOME", "USERPROFILE")}
    logging.getLogger("art").setLevel(logging.WARNING)  # suppresses a message about the folder
    with tempfile.TemporaryDirectory() as folder:
        try:
            os.environ.update(dict.fromkeys(kept, folder))
            yield
        finally:
            for name, value in kept.items():
                os.environ.pop(name)
                os.environ |= {name: value} if value is not None else {}
