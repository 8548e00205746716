# SPDX-License-Identifier: AGPL-3.0-only
"""The kinds of jobs, a module each; all that differs between them is asked of them."""

from engine.jobs.kinds.base import KINDS, Kind, kind_of, making
from engine.jobs.kinds.benchmark import Benchmark
from engine.jobs.kinds.dataset_import import DatasetImport
from engine.jobs.kinds.evaluate import Evaluate
from engine.jobs.kinds.generate import Generate
from engine.jobs.kinds.harden import Harden
from engine.jobs.kinds.matrix import Matrix
from engine.jobs.kinds.train import Train
from engine.jobs.kinds.train_defence import TrainDefence

__all__ = ["KINDS", "Kind", "kind_of", "making"]

for _kind in (
    *(Generate(), Evaluate(), DatasetImport(), Benchmark(), Matrix()),
    *(Train(), Harden(), TrainDefence()),
):
    KINDS.add(_kind)
