# SPDX-License-Identifier: AGPL-3.0-only
"""What a job asks of a cluster's node; a single machine's worker gives it all that there is."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import Any, ClassVar

from engine.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class Needs(Settings):
    """The share of a node that a job runs on."""

    REMEDY: ClassVar[str] = "submit the job again"

    gpus: float | None = setting(
        None,
        "GPUs",
        "Number of GPUs on a cluster: 1, 0, or a fraction of one that several jobs share.",
        bounds=(0, 1),
        kinds=(float, NoneType),
        default_text="1 if the cluster has GPUs and --device allows it",
    )
    cpus: int | None = setting(
        None,
        "Processors",
        "Number of CPU cores on a cluster, one per thread of the job.",
        bounds=(1, 4096),
        kinds=(int, NoneType),
        default_text="the node's cores per GPU; without GPUs, all of them",
    )
    memory_gb: float | None = setting(
        None,
        "Memory",
        "Memory required on a cluster's node.",
        unit="GiB",
        bounds=(0.001, 1_000_000),
        kinds=(float, NoneType),
        default_text="not reserved",
    )

    def to_json(self) -> dict[str, Any]:
        """Only what is asked for."""
        return {name: value for name, value in super().to_json().items() if value is not None}
