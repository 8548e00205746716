# SPDX-License-Identifier: AGPL-3.0-only
"""Measures in which precision, in what batches and whether compiled a run's steps are fastest.

Each candidate computes gradients of the run's own images and has to agree with the simpler one that it would
replace, the first of which computes in fp32 where the precision is open. The simpler one stays unless the
other is clearly faster.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median, quantiles

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.choices import Candidate, Choice
from engine.config import RunConfig
from engine.datasets.loader import Batch
from engine.detectors.ensemble import Attacked
from engine.errors import MemoryExhaustedError
from engine.patch.gradient import Gradient
from engine.patch.memory import WORTH_IT
from engine.patch.precision import choose_precision, native_precisions
from engine.patch.run import PatchRun
from engine.patch.state import RunState
from engine.records import ImageRecord

log = logging.getLogger(__name__)

# bf16 against fp32, measured with YOLOv8n on photographs: the loss of eight images differs by up to 1%. The
# gradient of a single image may even point elsewhere, as rounding moves a maximum to another prediction, so
# the median counts: 0.95 and more over batches. Gradients that have nothing to do with each other are at 0.
LOSS_TOLERANCE = 0.03  # largest relative difference of the loss
LEAST_COSINE = 0.8  # least median of the cosines between the gradients of batches
SECONDS, TIME_SHARE = 3.0, 0.05  # for timing a pair of candidates; at most this share of a time limit
LEAST_ROUNDS = 5
BATCHES, COMPARED = 3, 8  # at least so many, as code is compiled anew for the second; images in all of them
USUAL_BATCH = 8  # in which precisions are compared if the batch size is open
LONG_RUN_S = 600.0  # compiling takes a minute, which shorter runs do not win back


def undecided(config: RunConfig, device: torch.device) -> tuple[str, ...]:
    """The settings among precision, batch size and compile that only a measurement can decide."""
    is_open = {
        "precision": config.precision == "auto" and len(native_precisions(device)) > 1,
        "batch_size": not config.batch_size and config.batching != "sequential",
        "compile": config.compile == "auto",
    }
    return tuple(name for name, each in is_open.items() if each)


def plainest(config: RunConfig, device: torch.device) -> Candidate:
    """The settings' own way to compute steps, and for what they leave open the simplest.

    Raises:
        DeviceError: the device does not support the precision.
    """
    precision = "fp32" if config.precision == "auto" else choose_precision(config.precision, device)
    size = 1 if config.batching == "sequential" else config.batch_size or USUAL_BATCH
    return Candidate(precision=precision, batch_size=size, compiled=config.compile == "on")


def find_fastest(
    detector: Attacked,
    records: Sequence[ImageRecord],
    config: RunConfig,
    *,
    class_id: int,
    patch_chw: Tensor,
    clock: Callable[[], float] = time.perf_counter,
) -> Choice:
    """Measure the candidates for what the settings leave open; settings that were given stay as they are.

    Args:
        detector, records, config, class_id: of the run.
        patch_chw: the patch it begins with; not changed.
        clock: returns monotonic seconds; replaced in tests.

    Raises:
        MemoryExhaustedError: one image alone does not fit.
        DatasetError: an image cannot be read.
    """
    started = clock()
    trial = _Trial(detector, records, config, class_id, patch_chw, clock)
    given, left_open = plainest(config, detector.device), undecided(config, detector.device)
    best = replace(given, compiled=False)  # compiling for a comparison of precisions would take a minute each
    if "precision" in left_open:
        best = trial.better(best, replace(best, precision=native_precisions(detector.device)[-1]))
    if "batch_size" in left_open:
        best = trial.best_batch(best)
    if "compile" in left_open:
        best = trial.compiled_if_it_pays(best)
    if given.compiled:
        best = replace(best, compiled=True, images_per_s=0.0)
    return Choice(
        chosen=best,
        candidates=tuple(trial.measured.values()),
        measured_at=time.time(),
        elapsed_s=clock() - started,
    )


class _Trial:
    """Times candidates on a run's images; `measured` has each by its way."""

    def __init__(
        self,
        detector: Attacked,
        records: Sequence[ImageRecord],
        config: RunConfig,
        class_id: int,
        patch_chw: Tensor,
        clock: Callable[[], float],
    ) -> None:
        self._detector, self._records, self._config = detector, records, config
        self._class_id, self._patch, self._clock = class_id, patch_chw, clock
        limit_s = config.time_limit_s
        self._seconds = min(SECONDS, TIME_SHARE * limit_s) if limit_s else SECONDS
        self.measured: dict[tuple[str, int, bool], Candidate] = {}

    def better(self, simpler: Candidate, other: Candidate) -> Candidate:
        """The other candidate if it agrees and is clearly faster, otherwise the simpler one."""
        first = self._contender(simpler)
        try:
            second = self._contender(other)
            fault = difference(first.gradients, second.gradients)
        # Not computable in this way: no compiler, no kernel, no memory.
        except (RuntimeError, MemoryExhaustedError) as error:
            second, fault = first, str(error).strip().partition("\n")[0]
        if fault:
            log.info("%s is skipped: %s", other, fault)
            self._note(other, 0.0, fault)
            return self._timed(first)[0]
        simpler, other = self._timed(first, second)
        ratios = [slow / fast for slow, fast in zip(first.times, second.times, strict=True)]
        return other if median(ratios) >= WORTH_IT and quantiles(ratios, n=4)[0] > 1 else simpler

    def best_batch(self, candidate: Candidate) -> Candidate:
        """The candidate with the batch size that pays."""
        best, speeds = self._run(replace(candidate, batch_size=1)).probe_batch_sizes()
        for size, speed in speeds.items():
            self._note(replace(candidate, batch_size=size), speed)
        return self.measured[replace(candidate, batch_size=best).way]

    def compiled_if_it_pays(self, plain: Candidate) -> Candidate:
        """The candidate compiled if that saves the run more time than compiling takes."""
        if not plain.images_per_s:
            plain = self._timed(self._contender(plain))[0]
        run_s = len(self._records) * self._config.iterations / plain.images_per_s
        run_s = min(run_s, self._config.time_limit_s or run_s)
        if run_s < LONG_RUN_S:
            return plain
        started = self._clock()
        best = self.better(plain, replace(plain, compiled=True))
        compiling_s = self._clock() - started
        plain = self.measured[plain.way]
        saved_s = run_s * (1 - plain.images_per_s / best.images_per_s)
        return best if saved_s > compiling_s else plain

    def _timed(self, *contenders: _Contender) -> list[Candidate]:
        """The contenders with their rates, timed in turn on the same batches."""
        end_s, rounds = self._clock() + self._seconds, 0
        while rounds < LEAST_ROUNDS or self._clock() < end_s:
            for each in contenders if rounds % 2 else reversed(contenders):
                started = self._clock()
                each.compute(rounds % len(each.batches))
                each.times.append(max(self._clock() - started, 1e-9))
            rounds += 1
        return [self._note(each.way, each.way.batch_size / median(each.times)) for each in contenders]

    def _note(self, candidate: Candidate, images_per_s: float, fault: str = "") -> Candidate:
        noted = replace(candidate, images_per_s=images_per_s, fault=fault)
        self.measured[candidate.way] = noted
        return noted

    def _contender(self, candidate: Candidate) -> _Contender:
        return _Contender(self._run(candidate), candidate, len(self._records))

    def _run(self, candidate: Candidate) -> PatchRun:
        return PatchRun(
            self._detector,
            self._records,
            applied(self._config, candidate),
            class_id=self._class_id,
            state=RunState(patch_chw=self._patch.clone(), iterations=1),
            batch_size=candidate.batch_size,
        )


class _Contender:
    """A candidate that has computed the gradient of each of its batches once: `gradients`."""

    def __init__(self, run: PatchRun, way: Candidate, images: int) -> None:
        self._run, self.way = run, way
        size = way.batch_size
        firsts = range(0, max(BATCHES * size, COMPARED), size)
        plan = [[index % images for index in range(first, first + size)] for first in firsts]
        self.batches: list[Batch] = list(run.batches(plan))
        self.times: list[float] = []
        self.gradients = [self.compute(number) for number in range(len(plan))]

    def compute(self, number: int) -> Gradient:
        """The gradient of a batch, with the same chance as any other contender's."""
        return self._run.gradient.of_step([self.batches[number]], 0, number)


def applied(config: RunConfig, candidate: Candidate) -> RunConfig:
    """The settings with a candidate's precision and compilation; its batch size goes to `PatchRun`."""
    return config.changed(precision=candidate.precision, compile="on" if candidate.compiled else "off")


def difference(expected: Sequence[Gradient], others: Sequence[Gradient]) -> str:
    """In what gradients of batches differ from those expected beyond the tolerances; empty if in nothing."""
    loss = Gradient.joined(expected).loss
    off = abs(Gradient.joined(others).loss - loss) / max(abs(loss), 1e-9)
    cosine = median(map(_cosine, expected, others))
    if off <= LOSS_TOLERANCE and cosine >= LEAST_COSINE:  # neither holds for NaN
        return ""
    return f"its loss is off by {off:.1%}, the cosine of its gradients is {cosine:.2f}"


def _cosine(one: Gradient, other: Gradient) -> float:
    first, second = (each.gradient_chw.flatten().double() for each in (one, other))
    return F.cosine_similarity(first, second, dim=0).nan_to_num(-1).item()
