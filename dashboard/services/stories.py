# SPDX-License-Identifier: AGPL-3.0-only
"""The story of protecting a detector in scenes: clean, attacked, defended or hardened, attacked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dashboard.services import datasets, defences, defend, patches
from dashboard.services.defend import DefendedSubject, KnownAttack
from dashboard.services.storage import cached, opened
from engine.config import HardeningConfig, RunConfig
from engine.errors import EngineError, PatchFileError
from engine.patch.arrays import fingerprint, read_patch_array
from engine.records import Job, PatchRecord
from engine.store.previews import Preview
from engine.store.repository import Repository

HARDENINGS = 50  # the newest, that are looked through
ELSEWHERE = ("another placement", "twice the side")
"""Attacks of a trial that place their patch otherwise than the settings say."""
TRIED = 24  # images whose stored pictures a report looks for


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One situation of a story, with what was measured in it.

    Attributes:
        kind: `clean`, `attacked`, `defended`, `again`, `hardened` or `again-hardened`.
        attacker: the patch's name, or what a trial calls its attack; empty for clean.
        own: the patch was made on this detector.
        chain: of the defences before the detector.
        scores: as `Evaluation.to_json` has those of a condition; None where it was not scored.
        patch: its number on record; None if its picture cannot be drawn.
        how: arguments of `patches.before_after` that differ from the subject's and the patch's.
    """

    kind: str
    attacker: str = ""
    own: bool = False
    chain: str = defences.NONE
    scores: Mapping[str, Any] | None = None
    patch: int | None = None
    how: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Hardened:
    """A finished hardening of a detector.

    Attributes:
        job: its number.
        config: its settings.
        weights: the hardened ones.
        trial: as `hardening.json` has it.
        old, new: numbers of the table's patches; None for one that is not on record.
    """

    job: int
    config: HardeningConfig
    weights: str
    trial: Mapping[str, Any]
    old: int | None
    new: int | None


def told(attacks: Sequence[KnownAttack], subject: DefendedSubject, patch_id: int, chain: str) -> list[Scene]:
    """The story of a patch and a defence; without one that of the latest hardening, if there is one.

    Args:
        attacks: on the subject, behind any defence.
        subject: what is protected.
        patch_id: of the patch that attacks first.
        chain: the defence.

    Raises:
        PatchFileError: there is no such patch.
    """
    patch = patches.get(patch_id)
    found = hardened(subject) if chain == defences.NONE else None
    return defended_scenes(attacks, patch, chain) if found is None else hardened_scenes(attacks, patch, found)


def defended_scenes(attacks: Sequence[KnownAttack], patch: PatchRecord, chain: str) -> list[Scene]:
    """Clean and attacked; with a defence also behind it, and by who knows of it if that was tried."""
    known = _scored(attacks, patch.id, defences.NONE)
    own = known is not None and known.adaptive
    scenes = [
        Scene(kind="clean", scores=_of(known, "clean")),
        Scene(kind="attacked", attacker=patch.name, own=own, scores=_of(known), patch=patch.id),
    ]
    if chain == defences.NONE:
        return scenes
    again = defend.strongest(
        each for each in attacks if each.defence == chain and each.adaptive and each.patch is not None
    )
    if again is None or again.patch != patch.id:
        behind = _of(_scored(attacks, patch.id, chain))
        scenes.append(Scene(kind="defended", attacker=patch.name, chain=chain, scores=behind, patch=patch.id))
    if again is not None:
        scenes.append(
            Scene(kind="again", attacker=again.name, chain=chain, scores=_of(again), patch=again.patch)
        )
    return scenes


def hardened_scenes(attacks: Sequence[KnownAttack], patch: PatchRecord, found: Hardened) -> list[Scene]:
    """Clean and attacked before the hardening; after it by the same patch, and by a new one.

    All figures are the trial's if the patch is its old one; else the first two are those on record.
    """
    before, after = found.trial["before"], found.trial["after"]
    known, same = _scored(attacks, patch.id, defences.NONE), found.old == patch.id
    how: dict[str, Any] = {"place": found.config.placement, "image_size": found.config.image_size}
    hardened_how = how | {"weights": found.weights, "detector_class": ""}
    drawn = found.new is not None and found.trial["attack"] not in ELSEWHERE
    return [
        Scene(kind="clean", scores=before["clean"] if same else _of(known, "clean")),
        Scene(
            kind="attacked",
            attacker=patch.name,
            own=known is not None and known.adaptive,
            scores=before["old_patch"] if same else _of(known),
            patch=patch.id,
            how=how,
        ),
        Scene(
            kind="hardened",
            attacker=patch.name,
            scores=after["old_patch"] if same else None,
            patch=patch.id,
            how=hardened_how,
        ),
        Scene(
            kind="again-hardened",
            attacker=found.trial["attack"],
            scores=after["new_patch"],
            patch=found.new if drawn else None,
            how=hardened_how,
        ),
    ]


@cached(ttl_s=5, max_entries=16)
def hardened(subject: DefendedSubject) -> Hardened | None:
    """The latest hardening of a detector on a dataset's class; None without one."""
    with opened() as repository:
        jobs = repository.jobs.find(states=["succeeded"], kinds=["harden"], limit=HARDENINGS)
        for job in jobs:
            result = job.result or {}
            if "trial" in result and _is_of(
                HardeningConfig.from_json(job.request["config"]), result, subject
            ):
                return _hardened(repository, job, result)
    return None


def asked(scene: Scene, subject: DefendedSubject, *, indices: list[int], again: bool = False) -> Preview:
    """Ask for a scene's pictures, or for those of the clean image before it; see `patches.before_after`.

    Args:
        scene: one with a patch.
        subject: what is protected.
        indices: of the dataset's images.
        again: try a failed one again.
    """
    assert scene.patch is not None
    return patches.before_after(
        patches.get(scene.patch), **_arguments(scene, subject), indices=indices, again=again
    )


def about(patch: PatchRecord) -> tuple[DefendedSubject, list[list[Scene]]]:
    """The stories of the detector that a patch was made and scored on: of a defence, of a hardening.

    Of the defences it is the one that leaves most under the adaptive attacker, if there is such a one. The
    patch attacks first or, if it was not scored without a defence, the strongest that was.

    Args:
        patch: of a run.

    Returns:
        What is protected, and those stories that go on after the attack.
    """
    config = RunConfig.from_json(patch.summary["config"])
    subject = DefendedSubject(
        dataset=patch.score.dataset if patch.score else config.dataset,
        weights=config.weights,
        class_name=config.class_names,
        detector_class=config.detector_class,
    )
    attacks = defend.attacks(subject)
    undefended = [each for each in attacks if each.defence == defences.NONE and each.patch is not None]
    first = defend.strongest(undefended)
    if first is None or first.patch is None:
        return subject, []
    if all(each.patch != patch.id for each in undefended):
        patch = patches.get(first.patch)
    tried = [each.defence for each in defend.outcomes(attacks) if each.defence != defences.NONE]
    told = [defended_scenes(attacks, patch, chain) for chain in tried[:1]]
    if (found := hardened(subject)) is not None:
        told.append(hardened_scenes(attacks, patch, found))
    return subject, told


def stored(scenes: Sequence[Scene], subject: DefendedSubject) -> list[dict[str, Any]]:
    """One image as it was last drawn in all scenes that have a patch; empty if there is none like that.

    Returns:
        For each such scene an image of the answer of `engine.previews.requests.before_after`.
    """
    drawn = [scene for scene in scenes if scene.patch is not None]
    dataset = next((each for each in datasets.summaries() if each.name == subject.dataset), None)
    if dataset is None:
        return []
    ids = datasets.class_ids(dataset, subject.class_name)
    counts = datasets.object_counts(dataset.name, dataset.imported_at, ids)
    for place in [place for place, count in enumerate(counts) if count][:TRIED]:
        images = [_stored(scene, subject, place) for scene in drawn]
        if images and all(images):
            return [image for image in images if image]
    return []


def _stored(scene: Scene, subject: DefendedSubject, place: int) -> dict[str, Any] | None:
    assert scene.patch is not None
    preview = None
    with suppress(EngineError):  # what is gone cannot be drawn, and the rest of a report can be read
        preview = patches.known_before_after(
            patches.get(scene.patch), **_arguments(scene, subject), indices=[place]
        )
    if preview is None or preview.answer is None:
        return None
    image: dict[str, Any] = preview.answer["images"][0]
    there = all(Path(image[side]["path"]).is_file() for side in ("before", "after"))
    return image if there else None


def _arguments(scene: Scene, subject: DefendedSubject) -> dict[str, Any]:
    return {**vars(subject), "defences": defences.steps(scene.chain), **scene.how}


def _is_of(config: HardeningConfig, result: Mapping[str, Any], subject: DefendedSubject) -> bool:
    return (
        Path(config.weights).stem == defend.detector_of(subject)
        and result["dataset"]["name"] == subject.dataset
        and (config.class_name,) == subject.class_name
    )


def _hardened(repository: Repository, job: Job, result: Mapping[str, Any]) -> Hardened:
    config, folder = HardeningConfig.from_json(job.request["config"]), Path(result["weights"]).parent
    given = config.patches[0] if config.patches else ""
    old = Path(given) if given else folder / "patch-before.npy"
    kept = [each.path for each in repository.weights.all() if each.origin.get("job_id") == job.id]
    return Hardened(
        job=job.id,
        config=config,
        weights=kept[-1] if kept else result["weights"],
        trial=result["trial"],
        old=int(given) if given.isdecimal() else _number(repository, old),
        new=_number(repository, folder / "patch-after.npy"),
    )


def _number(repository: Repository, path: Path) -> int | None:
    """A patch's number on record, by its file; None if either is gone."""
    try:
        found = repository.patches.with_fingerprint(fingerprint(*read_patch_array(path)))
    except PatchFileError:
        return None
    return None if found is None else found.id


def _scored(attacks: Sequence[KnownAttack], patch_id: int, chain: str) -> KnownAttack | None:
    return defend.strongest(each for each in attacks if each.patch == patch_id and each.defence == chain)


def _of(attack: KnownAttack | None, control: str = "") -> Mapping[str, Any] | None:
    """The scores under an attack, or those of one of its controls."""
    if attack is None:
        return None
    scores: Mapping[str, Any] | None = (
        attack.evaluation["controls"].get(control) if control else attack.evaluation["patch"]
    )
    return scores
