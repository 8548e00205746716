# SPDX-License-Identifier: AGPL-3.0-only
"""One generation in its folder: runs the loop, validates, saves checkpoints, writes the results."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from engine.choices import Choice
from engine.config import RunConfig
from engine.defences.kinds import files_of
from engine.errors import DetectorError, EngineError, RanksError, RunInterruptedError
from engine.evaluation.config import EvaluationConfig
from engine.evaluation.runner import PatchJudge
from engine.outpost import here
from engine.patch.fastest import applied
from engine.patch.files import write_patch
from engine.patch.memory import peak_memory_bytes
from engine.patch.render import mask_of
from engine.patch.run import PatchRun
from engine.patch.state import RunState, save_checkpoint
from engine.ranks import ALONE, Ranks
from engine.records import ImageRecord, Scores, StepRecord
from engine.runs import run_folder
from engine.runs.choosing import choose, resumed_choice
from engine.runs.film import Film, is_moment
from engine.runs.materials import Materials, fingerprint, require_same
from engine.runs.pacing import Pace
from engine.runs.selection import parted
from engine.runs.summary import base_summary, finish_summary

log = logging.getLogger(__name__)

Bounds = dict[str, tuple[float, float]]

NOT_SCORABLE = "held-out images cannot be scored"
VALIDATED = ("asr", "confidence_retained", "ap50")
RESAMPLES = 200  # of the held-out images: bounds to look at, from a validation that must not take long
TIE_BREAK = 1e-6  # weight of confidence: one object more or less changes ASR by more
CHECKPOINT_S = 30.0  # maximum time between checkpoints even within an iteration; longer if saving is slow


@dataclass(frozen=True, kw_only=True)
class Observer:
    """Callbacks of a run, all of them optional.

    Attributes:
        on_begin: called before the first step with the state and the number of steps per iteration.
        on_step: called with each step and the state after it.
        on_checkpoint: called with each state saved in a checkpoint.
        on_validated: called with each score on the images held out: an iteration, `asr`,
            `confidence_retained` and `ap50`, and the bounds of their 95% intervals.
        on_evaluated: called repeatedly with the number of images scored since the last call.
        stop_requested: polled after each step; True saves a checkpoint and interrupts the run.
    """

    on_begin: Callable[[RunState, int], object] = lambda state, steps: None
    on_step: Callable[[StepRecord, RunState], object] = lambda record, state: None
    on_checkpoint: Callable[[RunState], object] = lambda state: None
    on_validated: Callable[[int, dict[str, float], Bounds], object] = lambda iteration, scores, ci95: None
    on_evaluated: Callable[[int], object] = lambda images: None
    stop_requested: Callable[[], bool] = lambda: False


class Generation:
    """Generates one patch: call `begin` or `restore`, then `run`.

    Args:
        config: the run's settings.
        materials: detector and images.
        folder: an existing folder.
        observer: callbacks of the run.
        ranks: the processes that compute the run together; only the first one validates, writes and scores.

    Attributes:
        state: current state of the run.
        choice: in which precision and batches the run computes, and whether compiled.
    """

    def __init__(
        self,
        config: RunConfig,
        materials: Materials,
        folder: Path,
        observer: Observer,
        ranks: Ranks = ALONE,
    ) -> None:
        self._config, self._materials, self._folder, self._observer = config, materials, folder, observer
        self._ranks = ranks
        training, self._held_out = parted(range(len(materials.records)), config)
        self._training: Sequence[ImageRecord] = [materials.records[index] for index in training]
        self._weights_sha256 = materials.attacked.checksum()
        files = [hashlib.sha256(here(each).read_bytes()).hexdigest() for each in files_of(config.defences)]
        self._defences_sha256 = " ".join(files)
        self._mask = mask_of(config)
        self._film = Film(folder=folder, mask_hw=None if self._mask is None else self._mask.numpy())
        self._judges = self._validation_judges()
        self.state = RunState(patch_chw=torch.empty(0), iterations=config.iterations)
        self._checkpoints = Pace(CHECKPOINT_S, share=0.003, at_latest_s=600)

    def begin(self, state: RunState, choice: Choice | None = None) -> None:
        """Start from a fresh state, after measuring what the settings leave open unless that was chosen."""
        self.choice = choice or self._ranks.of_first(
            lambda: choose(self._config, self._materials, self._training, state.patch_chw)
        )
        self.state = replace(state, elapsed_s=self.choice.elapsed_s, choosing_s=self.choice.elapsed_s)

    def restore(self, state: RunState, identity: dict[str, Any]) -> None:
        """Resume from a checkpoint.

        Raises:
            StorageError: the images or the weights have changed since the run began.
        """
        self.choice = resumed_choice(self._config, identity, self._materials.detector.device)
        current = self._identity()
        parts = {"weights_sha256": "weights", "defences_sha256": "weights of its defences"}
        require_same(self._folder, "run", current, identity, parts)
        self.state = state

    def run(self, *, evaluate_after: bool) -> dict[str, Any]:
        """Optimise to the end, write the result files, score the patch.

        Returns:
            The content of `run.json`; nothing in processes other than the first.

        Raises:
            RunInterruptedError: a stop was requested; a checkpoint was saved.
            EngineError: any other failure; a checkpoint remains.
        """
        if self._materials.detector.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._materials.detector.device)
        run = self._patch_run()
        if run.whole_images:
            log.info("Steps use whole images: %s does not take crops", self._materials.attacked.name)
        self._observer.on_begin(self.state, run.steps_per_iteration())
        self._optimise(run)
        if not self._ranks.leads:
            return {}
        peak = peak_memory_bytes(self._materials.detector.device)
        patch_chw = self._write_result()
        if self._materials.attacked.checksum() != self._weights_sha256:
            raise DetectorError(
                "expected the run to leave the detector's weights unchanged, got different ones; "
                "report this as a bug"
            )
        summary = self._summary(run, peak)
        judged = self._held_out or range(len(self._materials.records))
        return finish_summary(
            summary,
            self._config,
            self._materials,
            self._folder,
            patch_chw,
            judged if evaluate_after else [],
            self._observer.on_evaluated,
            self._mask,
        )

    def _patch_run(self) -> PatchRun:
        return PatchRun(
            self._materials.attacked,
            self._training,
            applied(self._config, self.choice.chosen),
            class_id=self._materials.class_id,
            state=self.state,
            batch_size=self.choice.chosen.batch_size,
            ranks=self._ranks,
        )

    def _optimise(self, run: PatchRun) -> None:
        """The loop with callbacks, validation and checkpoints."""
        self.save()
        if not self.state.step:
            self._keep_moment()
        try:
            for record in run.iterate():
                if is_moment(record.step):
                    self._keep_moment()
                self._observer.on_step(record, self.state)
                if self.state.steps_in_iteration == 0:
                    self._after_iteration()
                if self._checkpoints.due():
                    self.save()
                if self._ranks.any(self._observer.stop_requested()):
                    raise RunInterruptedError(
                        f"stopped in iteration {record.iteration} of {self.state.iterations}; "
                        f"continue with: python -m engine patch generate --resume {self._folder}"
                    )
        except EngineError as error:
            if self.state.step:
                self.save()
            if isinstance(error, RanksError):
                raise RanksError(f"{error}; continue with --resume {self._folder}") from error
            raise
        self.save()

    def _keep_moment(self) -> None:
        if self._ranks.leads:
            self._film.add(self.state.step, self.state.patch_chw.numpy())

    def _after_iteration(self) -> None:
        state, config = self.state, self._config
        if self._held_out and state.iteration % config.validate_every == 0:
            state.iterations = self._ranks.of_first(self._iterations_after_validation)
        if state.iteration % config.checkpoint_every == 0:
            self.save()

    def _iterations_after_validation(self) -> int:
        """Validate, if that can be done, and tell how many iterations there will be: it may end the run."""
        if self._judges:
            self._validate()
        return self.state.iterations

    def _validate(self) -> None:
        """Score the patch on the held-out images: the highest ASR is best, then the least confidence.

        Of several detectors the mean counts, and the means of their bounds, rather too wide than too narrow.
        """
        state = self.state
        found = [judge.score(state.patch_chw, resamples=RESAMPLES) for judge in self._judges]
        unscored = next((scores for scores in found if math.isnan(scores.asr.value)), None)
        if unscored is not None:
            self._give_up_validation(unscored)
            return
        means, ci95 = _means(found)
        asr, retained, _ap50 = means.values()
        score = (1 - asr) + retained * TIE_BREAK
        state.events.append(
            {"event": "validated", "step": state.step, "iteration": state.iteration, **means, "ci95": ci95}
        )
        self._observer.on_validated(state.iteration, means, ci95)
        log.info("Validation: ASR %.3f, confidence retained %.3f, AP50 %.3f", *means.values())
        state.stale_validations += 1
        if score < state.best_score:
            state.best_score, state.best_iteration = score, state.iteration
            state.best_patch_chw = state.patch_chw.clone()
            state.stale_validations = 0
        elif self._config.early_stop and state.stale_validations >= self._config.early_stop:
            state.events.append({"event": "stopped early", "step": state.step})
            state.iterations = state.iteration

    def _give_up_validation(self, scores: Scores) -> None:
        """Continue without validations: a detector finds nothing on the clean images to hide."""
        self._judges = []
        if any(event["event"] == NOT_SCORABLE for event in self.state.events):
            return  # reported before the run was resumed
        no_objects = math.isnan(scores.disappearance.value)
        reason = (
            "they show no object of the class"
            if no_objects
            else "the detector finds none of their objects even without a patch"
        )
        state = self.state
        state.events.append(
            {"event": NOT_SCORABLE, "step": state.step, "iteration": state.iteration, "reason": reason}
        )
        log.warning(
            "The held-out images cannot be scored: %s; the run continues without validation and keeps "
            "its last patch",
            reason,
        )

    def _validation_judges(self) -> list[PatchJudge]:
        """One for each detector; none without images held out."""
        if not self._held_out or not self._ranks.leads:
            return []
        config = EvaluationConfig(placement=self._config.placement, resamples=0, seed=self._config.seed)
        return [
            PatchJudge(
                each.detector,
                each.loader(self._config.image_size),
                self._held_out,
                class_id=each.class_id,
                config=config,
                mask_hw=self._mask,
            )
            for each in self._materials.by_detector()
        ]

    def _identity(self) -> dict[str, Any]:
        """Identifies the run that a checkpoint belongs to."""
        return {
            "config": self._config.to_json(),
            "batch_size": self.choice.chosen.batch_size,
            "choice": self.choice.to_json(),
            "records_sha256": fingerprint(self._materials.records),
            "weights_sha256": self._weights_sha256,
            "defences_sha256": self._defences_sha256,
        }

    def save(self) -> None:
        """Write the checkpoint."""
        if not self._ranks.leads:
            return
        with self._checkpoints.spent():
            save_checkpoint(self._folder, self.state, self._identity())
        self._observer.on_checkpoint(self.state)

    def _write_result(self) -> Tensor:
        """Write history and patch: the best one if there were validations, and then the last one as well."""
        state = self.state
        run_folder.write_history(self._folder, state.history)
        self._keep_moment()
        best = state.best_patch_chw
        if best is None:
            best = state.patch_chw
        else:
            write_patch(self._folder, state.patch_chw, self._mask, stem="patch-last")
        write_patch(self._folder, best, self._mask)
        return best

    def _summary(self, run: PatchRun, peak_bytes: int) -> dict[str, Any]:
        state = self.state
        return base_summary(self._config, self._materials, self._folder) | {
            "backend": "native",
            "precision": run.precision,
            "batch_size": run.batch_size,
            "compiled": self.choice.chosen.compiled,
            "batching": self._config.batching,
            "elapsed_s": state.elapsed_s,
            "iterations": state.iteration,
            "steps": state.step,
            "image_iterations": state.image_iterations,
            "image_iterations_per_s": state.image_iterations / state.stepping_s,
            "peak_memory_bytes": peak_bytes,
            "best_iteration": state.best_iteration or None,
            "weights_sha256": self._materials.detector.checksum(),
            **({"processes": self._ranks.size} if self._ranks.size > 1 else {}),
            "events": state.events,
            **({"choice": self.choice.to_json()} if self.choice.candidates else {}),
        }


def _means(found: Sequence[Scores]) -> tuple[dict[str, float], Bounds]:
    """What is validated as means over detectors, and the bounds that are known."""
    means, bounds = {}, {}
    for name in VALIDATED:
        intervals = [getattr(scores, name) for scores in found]
        means[name] = fmean(each.value for each in intervals)
        low, high = (fmean(getattr(each, end) for each in intervals) for end in ("low", "high"))
        if math.isfinite(low) and math.isfinite(high):
            bounds[name] = (low, high)
    return means, bounds
