# SPDX-License-Identifier: AGPL-3.0-only
"""Several detectors that one patch attacks at once, so that it transfers to others."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from engine.detectors.base import Detector


@dataclass(frozen=True, kw_only=True)
class Member:
    """A detector under attack, and its own id of the class."""

    detector: Detector
    class_id: int


class Ensemble:
    """Detectors under one attack, in order; a run needs these attributes, the loss asks each member.

    It detects nothing itself: whoever scores a patch scores it on each member.

    Args:
        members: at least two, on one device.

    Attributes:
        name: the members' names, in reports.
        loss_names: the training losses that all members have.
        stride_px: a multiple of each member's.
        device: of all weights.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = tuple(members)
        detectors = [member.detector for member in members]
        self.name = " + ".join(detector.name for detector in detectors)
        self.loss_names = tuple(
            name
            for name in detectors[0].loss_names
            if all(name in detector.loss_names for detector in detectors)
        )
        self.stride_px = math.lcm(*(detector.stride_px for detector in detectors))
        self.device: torch.device = detectors[0].device

    def for_windows(self, image_px: int) -> Ensemble | None:
        """All members for windows of images; None if any of them only sees whole images."""
        detectors = [member.detector.for_windows(image_px) for member in self.members]
        found = [
            replace(member, detector=detector)
            for member, detector in zip(self.members, detectors, strict=True)
            if detector is not None
        ]
        return Ensemble(found) if len(found) == len(detectors) else None

    def checksum(self) -> str:
        """SHA-256 of the members' checksums."""
        checksums = "".join(member.detector.checksum() for member in self.members)
        return hashlib.sha256(checksums.encode()).hexdigest()


Attacked = Detector | Ensemble
"""What a run attacks."""


def members_of(attacked: Attacked, class_id: int) -> tuple[Member, ...]:
    """The detectors under attack; `class_id` is that of a single one."""
    if isinstance(attacked, Ensemble):
        return attacked.members
    return (Member(detector=attacked, class_id=class_id),)
