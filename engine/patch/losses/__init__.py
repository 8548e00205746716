# SPDX-License-Identifier: AGPL-3.0-only
"""The loss of a run: named, weighted, differentiable terms, one module for each term or family.

Importing the package registers the terms in this order and loads no torch.
"""

# isort: off
from engine.patch.losses import objects, overlap, max_confidence, native, total_variation

__all__ = ["max_confidence", "native", "objects", "overlap", "total_variation"]
