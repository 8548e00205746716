# SPDX-License-Identifier: AGPL-3.0-only
"""The version of the code: PatchBench's version and, in a checkout, its commit."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import engine

ROOT = Path(engine.__file__).resolve().parents[1]  # working directory for `python -m engine`
SENT = "VERSION"  # what a cluster's head writes beside the code that it sends


@cache
def code_version() -> str:
    """For example `0.1.0+1a2b3c4d5e6f`; without a checkout or git, only the version."""
    if (ROOT / SENT).is_file():
        return (ROOT / SENT).read_text(encoding="utf-8")
    if not (ROOT / ".git").exists():
        return engine.__version__
    try:
        git = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return engine.__version__
    return f"{engine.__version__}+{git.stdout.strip()}"
