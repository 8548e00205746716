# SPDX-License-Identifier: AGPL-3.0-only
"""`benchmark`."""

from __future__ import annotations

import click

__all__ = ["benchmark_group"]


@click.group("benchmark")
def benchmark_group() -> None:
    """Measure what the engine costs and reaches on this machine."""
