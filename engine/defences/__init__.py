# SPDX-License-Identifier: AGPL-3.0-only
"""Defences: steps between image and detector, one module for each or for a few of a kind.

Importing the package registers them in this order and loads no torch.
"""

# isort: off
from engine.defences import jpeg
from engine.defences import median
from engine.defences import gaussian
from engine.defences import bit_depth
from engine.defences import resize_pad
from engine.defences import total_variation
from engine.defences import lgs
from engine.defences import entropy_mask
from engine.defences import segmenter
from engine.defences import object_seeker
from engine.defences import art

__all__ = [
    "art",
    "bit_depth",
    "entropy_mask",
    "gaussian",
    "jpeg",
    "lgs",
    "median",
    "object_seeker",
    "resize_pad",
    "segmenter",
    "total_variation",
]
