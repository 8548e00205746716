# SPDX-License-Identifier: AGPL-3.0-only
"""What a patch run minimises: named, weighted, differentiable terms, a module each or for a close family.

Importing the package registers the terms in this order and loads no torch.
"""

# isort: off
from engine.patch.losses import objects, overlap, max_confidence, native, total_variation

__all__ = ["max_confidence", "native", "objects", "overlap", "total_variation"]
