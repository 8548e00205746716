# SPDX-License-Identifier: AGPL-3.0-only
"""Peak memory of a run by its settings, each measured in a process of its own."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from typing import Any

import torch

from engine.baselines.config import ArtConfig
from engine.benchmark.subject import Subject
from engine.config import RunConfig
from engine.datasets.loader import ImageLoader
from engine.defences.kinds import defended
from engine.detectors.loading import load_configured
from engine.errors import MemoryExhaustedError
from engine.patch.memory import peak_memory_bytes
from engine.records import ImageRecord

STEPS = 2  # the first holds all that a step needs, the second what the optimizer keeps


def peak_memory(subject: Subject, **changes: Any) -> int:
    """The most bytes that a run's steps take: the device's on CUDA, else the process's resident set.

    Args:
        subject: what it runs on; the process loads the detector anew.
        changes: of the subject's settings.

    Raises:
        MemoryExhaustedError: the system ended the process.
        EngineError: whatever else went wrong in it.
    """
    config = subject.config.changed(**changes)
    images = min(STEPS * config.batch_size * config.accumulate, len(subject.records))
    work = (config, list(subject.records[:images]), subject.class_id, subject.trust)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_peak_in_process, *work).result()
        except BrokenProcessPool as error:
            raise MemoryExhaustedError(
                f"expected batches of {config.batch_size} to fit into memory, "
                "got a process killed by the system; choose a smaller batch size"
            ) from error


def _peak_in_process(config: RunConfig, records: list[ImageRecord], class_id: int, trust: bool) -> int:
    by_art = config.backend == "art"
    detector = defended(load_configured(config, trust=trust, fuse=not by_art), config.defences)
    subject = Subject(
        detector=detector, unfused=detector, class_id=class_id, records=records, config=config, trust=trust
    )
    # Few images are repeated until each batch is full.
    full = STEPS * config.batch_size * config.accumulate
    repeated = [records[index % len(records)] for index in range(full)]
    if by_art:
        _art_step(subject, repeated)
    else:
        run = subject.over(repeated).run()
        for _ in islice(run.iterate(), STEPS):
            pass
    if detector.device.type == "cuda":
        torch.cuda.synchronize(detector.device)
    return peak_memory_bytes(detector.device)


def _art_step(subject: Subject, records: list[ImageRecord]) -> None:
    from engine.baselines.art import generate_with_art  # ART's own memory is no part of our runs'

    config = subject.config
    generate_with_art(
        subject.detector,
        ImageLoader(records, image_size=config.image_size, device=subject.detector.device),
        range(len(records)),
        class_id=subject.class_id,
        config=ArtConfig(iterations=1, batch_size=config.batch_size, patch_size=config.patch_height),
    )
