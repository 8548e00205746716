# SPDX-License-Identifier: AGPL-3.0-only
"""Defences: steps between image and detector, one module for each or for a few of a kind.

Importing the package registers them in this order and loads no torch.
"""

# isort: off
from engine.defences import bit_depth, object_seeker, segmenter

__all__ = ["bit_depth", "object_seeker", "segmenter"]
