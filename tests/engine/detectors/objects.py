# SPDX-License-Identifier: AGPL-3.0-only
"""Objects in two images of 96 × 64 pixels, as losses take them."""

from __future__ import annotations

import torch

from engine.detectors.base import Targets


def targets(rows: list[tuple[int, int, list[float]]], n: int = 2) -> Targets:
    """Rows of (image, class, corners)."""
    return Targets(
        boxes_xyxy_px=torch.tensor([row[2] for row in rows]).reshape(-1, 4),
        class_ids=torch.tensor([row[1] for row in rows], dtype=torch.int64),
        image_index=torch.tensor([row[0] for row in rows], dtype=torch.int64),
        images=n,
    )


RAGGED = targets([(1, 0, [5.0, 5, 40, 50]), (0, 1, [10.0, 10, 60, 60]), (1, 2, [0.0, 0, 96, 64])])
