# SPDX-License-Identifier: AGPL-3.0-only
"""Defences as tests name them."""

from __future__ import annotations

from engine.defences.kinds import DefenceKind

# Those whose defaults are too slow or too weak for a small image, or need a file.
EXAMPLES = {"entropy-mask": "entropy-mask:window=8"}


def of_kind(kind: DefenceKind) -> str:
    """A text that names a defence of a kind."""
    return EXAMPLES.get(kind.name, kind.name)
