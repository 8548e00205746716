# SPDX-License-Identifier: AGPL-3.0-only
"""The trial of a hardening: new patches against the original and the hardened weights, and their scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from engine.config import HardeningConfig, PlacementConfig, RunConfig
from engine.detectors.base import Detector
from engine.detectors.loading import load_detector
from engine.evaluation.config import EvaluationConfig
from engine.evaluation.runner import PatchJudge
from engine.patch.initial import initial_patch
from engine.patch.run import PatchRun
from engine.patch.state import RunState
from engine.records import Dataset, Evaluation
from engine.runs.hardening_pool import ATTACK_BATCH, PoolPatch
from engine.runs.materials import Materials, selected
from engine.seeding import derived_seed

TRIAL_STREAM = 34  # of the seed
CONDITIONS = ("clean", "old_patch", "new_patch", "noise", "grey")
"""The columns of a trial's table."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A new patch of the trial, and how it differs from the plain one.

    Attributes:
        name: in the record.
        seed: its number of the seed's stream; patches of one number begin with the same chance.
        factor: of the budget.
        changes: of the attacking run's settings.
        place: gives where it is placed, made and scored.
        transferred: made against another detector.
    """

    name: str
    seed: int = 0
    factor: int = 1
    changes: Mapping[str, Any] = field(default_factory=dict)
    place: Callable[[PlacementConfig], PlacementConfig] = lambda placement: placement
    transferred: bool = False


def _elsewhere(placement: PlacementConfig) -> PlacementConfig:
    """Lower on objects than the settings say; on images in the upper left."""
    return placement.changed(rise=max(placement.rise - 0.25, -1.0), position=(0.25, 0.25))


def _larger(placement: PlacementConfig) -> PlacementConfig:
    return placement.changed(scale=min(2 * placement.scale, 1.0))


PLAIN = Attack(name="equal budget")
BATTERY = (
    Attack(name="another seed", seed=1),
    Attack(name="five times the budget", factor=5),
    Attack(name="start from noise", seed=2, changes={"initial": "noise"}),
    Attack(name="another loss", seed=3, changes={"losses": {"max_confidence": 1.0}}),
    Attack(name="another placement", seed=4, place=_elsewhere),
    Attack(name="twice the side", seed=5, place=_larger),
)
TRANSFER = Attack(name="transferred from another detector", seed=6, transferred=True)


def attacks_of(config: HardeningConfig) -> tuple[Attack, ...]:
    """The attacks on the hardened weights, the plain one first."""
    if config.trial == "short":
        return (PLAIN,)
    return (PLAIN, *BATTERY, *((TRANSFER,) if config.transfer_weights else ()))


@dataclass(frozen=True, kw_only=True, eq=False)
class NewPatch:
    """A patch that a trial made, float32 (3, h, w), 0 to 1, and what it took."""

    patch_chw: Tensor
    image_iterations: int
    elapsed_s: float


class Trial:
    """Attacks and judges one detector on the images of a hardening.

    Args:
        config: the hardening's settings.
        detector: the original or the hardened one.
        training: the dataset with the images that patches are made on.
        judged: the dataset with the images that they are scored on.
        trust: open the other detector's weights even if their pickle could run code.
        stop: called after each step and each scored batch; may raise.
    """

    def __init__(
        self,
        config: HardeningConfig,
        detector: Detector,
        *,
        training: Dataset,
        judged: Dataset,
        trust: bool = False,
        stop: Callable[[], object] = lambda: None,
    ) -> None:
        self._config, self._detector, self._trust, self._stop = config, detector, trust, stop
        self._training, self._judged = training, selected(judged, detector, config.attack())
        self._judges: dict[PlacementConfig, PatchJudge] = {}

    def attack(self, attack: Attack = PLAIN, *, seconds: float = 0.0, images: int | None = None) -> NewPatch:
        """Make a new patch from scratch.

        Args:
            attack: how it differs from the plain one.
            seconds: its budget, where its work is not given.
            images: its budget in image-iterations, before the attack's factor; at least a batch, since within
                a tiny time there may have been no step at all.
        """
        materials = selected(self._training, self._detector_for(attack), self._config.attack())
        count = len(materials.records)
        budget = 0 if images is None else attack.factor * max(images, ATTACK_BATCH)
        rounds = math.ceil(budget / count) if budget else 1_000_000
        config = self._config.attack(
            seed=derived_seed(self._config.seed, TRIAL_STREAM, attack.seed) % 2**32,
            time_limit_s=0.0 if budget else seconds,
            iterations=rounds,
            placement=attack.place(self._config.placement),
            batch_size=ATTACK_BATCH,
            **attack.changes,
        )
        return self._made(materials, config, budget)

    def _made(self, materials: Materials, config: RunConfig, budget: int) -> NewPatch:
        start = initial_patch(config.initial, config.patch_height, config.patch_width, config.seed)
        run = PatchRun(
            materials.detector,
            materials.records,
            config,
            class_id=materials.class_id,
            state=RunState(patch_chw=start, iterations=config.iterations),
            batch_size=config.batch_size,
        )
        state = run.state
        for _record in run.iterate():
            self._stop()
            if 0 < budget <= state.image_iterations:
                break
        return NewPatch(
            patch_chw=state.patch_chw.detach().cpu().float(),
            image_iterations=state.image_iterations,
            elapsed_s=state.elapsed_s,
        )

    def _detector_for(self, attack: Attack) -> Detector:
        if not attack.transferred:
            return self._detector
        return load_detector(self._config.transfer_weights, device=self._config.device, trust=self._trust)

    def evaluate(self, patch: PoolPatch, attack: Attack = PLAIN) -> Evaluation:
        """The scores of a patch beside its controls, placed as an attack places it.

        Raises:
            DatasetError: an image cannot be read.
        """
        judge = self._judge(attack.place(self._config.placement))
        if patch.mask_hw is not None:
            judge = judge.with_mask(patch.mask_hw)
        return self._judged.named(judge.evaluate(patch.patch_chw))

    def _judge(self, placement: PlacementConfig) -> PatchJudge:
        if placement not in self._judges:
            self._judges[placement] = PatchJudge(
                self._detector,
                self._judged.loader(self._config.image_size),
                range(len(self._judged.records)),
                class_id=self._judged.class_id,
                config=EvaluationConfig(placement=placement, seed=self._config.seed),
                progress=lambda images: self._stop(),
            )
        return self._judges[placement]


def row_of(old: Evaluation, new: Evaluation) -> dict[str, dict[str, Any]]:
    """A row of the trial's table: the scores under each of `CONDITIONS`, as `patch evaluate` has them."""
    scores = {**new.controls, "old_patch": old.patch, "new_patch": new.patch}
    return {name: scores[name].to_json() for name in CONDITIONS}


def worst_of(found: Sequence[Evaluation]) -> int:
    """The number of the attack with the highest ASR; one without objects counts as none."""
    rates = [each.patch.asr.value for each in found]
    return max(range(len(rates)), key=lambda number: rates[number] if rates[number] >= 0 else -1.0)


def headline(trial: Mapping[str, Any]) -> str:
    """What the trial found, in one sentence that names the attacker."""
    before, after = trial["before"], trial["after"]
    attacker = "a new patch with the same budget"
    if trial["attack"] != PLAIN.name:
        attacker = f"the strongest of {len(trial['battery'])} new attacks ({trial['attack']})"
    old, new = (row["new_patch"]["asr"] for row in (before, after))
    was, now = (row["clean"]["ap50"] for row in (before, after))
    return (
        f"ASR under {attacker}: {_number(old)} → {_number(new)}. Clean AP50: {_number(was)} → {_number(now)}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.2f}"
