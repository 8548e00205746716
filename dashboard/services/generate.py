# SPDX-License-Identifier: AGPL-3.0-only
"""Settings of a run as flat values, what is wrong with them, what they will cost, and the launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from dashboard.services import datasets, detectors, workers
from dashboard.services.paths import file_within_roots
from dashboard.services.settings import RUN
from dashboard.services.storage import cached, opened
from engine.config import RunConfig
from engine.defences.kinds import files_of
from engine.errors import SettingsError
from engine.jobs import estimates
from engine.jobs.estimates import Estimate
from engine.jobs.kinds.generate import GenerateRequest
from engine.jobs.needs import Needs
from engine.previews import requests as previews
from engine.records import Job, PatchRecord
from engine.registries import LOSSES
from engine.settings import flat as in_one_level
from engine.settings import nest
from engine.store.previews import Preview

_PAIRS = [key for key, each in RUN.items() if each.parts]


def flat(config: RunConfig) -> dict[str, Any]:
    """All settings under one level of names: `placement.scale`, `view_zoom.0`, `losses.tv` (0: not used)."""
    values = in_one_level(config.to_json())
    weights = values.pop("losses")
    values |= {f"losses.{term}": float(weights.get(term, 0)) for term in LOSSES}
    for key in _PAIRS:
        values |= {f"{key}.{place}": each for place, each in enumerate(values.pop(key))}
    return values


DEFAULTS = flat(RunConfig(dataset="-", weights="-"))


def built(values: Mapping[str, Any]) -> RunConfig:
    """The settings that flat values stand for; what is not given is as by default.

    Raises:
        SettingsError: one is out of its range, or two do not go together.
    """
    known = DEFAULTS | dict(values)
    for key in _PAIRS:
        known[key] = (known.pop(f"{key}.0"), known.pop(f"{key}.1"))
    whole = nest(known)
    whole["losses"] = {term: weight for term, weight in whole["losses"].items() if weight}
    return RunConfig.from_json(whole)


def held(config: RunConfig) -> RunConfig:
    """Settings of which every file may be used by pages, wherever their names came from: a link can hold any.

    Raises:
        SettingsError: dataset, weights, file of classes, initial patch or a defence's file lie outside the
            allowed folders.
    """
    datasets.usable(config.dataset)
    for weights in config.all_weights:
        detectors.usable(weights)
    detectors.usable_classes(config.detector_classes)
    usable_defences(config.defences)
    if config.initial not in ("grey", "noise", *(patch.path for patch in patches())):
        file_within_roots(config.initial, "initial patch")
    return config


def usable_defences(texts: Sequence[str]) -> tuple[str, ...]:
    """Defences as they are, if every file that they name may be used by pages.

    Raises:
        SettingsError: one is none, or its weights lie outside the allowed folders.
    """
    for file in files_of(texts):
        file_within_roots(str(file), "defence's weights")
    return tuple(texts)


def faults(values: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What is wrong, under each group of settings that would put it right by its defaults.

    Args:
        values: flat.
        groups: name → keys of its settings.

    Returns:
        Group → the message; empty if nothing is wrong. A fault that no single group explains is under "".
    """
    message = _fault(values)
    if message is None:
        return {}
    blamed = [
        name
        for name, keys in groups.items()
        if _fault({**values, **{key: DEFAULTS[key] for key in keys}}) != message
    ]
    return dict.fromkeys(blamed or [""], message)


def _fault(values: Mapping[str, Any]) -> str | None:
    try:
        built(values)
    except SettingsError as error:
        return str(error)
    return None


@cached(ttl_s=5, max_entries=64)
def estimate(config: RunConfig) -> Estimate | None:
    """What the run will take on this device, scored at the end; None if nothing like it was measured."""
    with opened() as repository:
        return estimates.estimate(repository, config)


def settings_of_job(job_id: int) -> dict[str, Any]:
    """The flat settings of an earlier job.

    Raises:
        JobError: there is no such job.
        SettingsError: it has no settings of a run, or those of another version.
    """
    with opened() as repository:
        job = repository.jobs.get(job_id)
    if "config" not in job.request:
        raise SettingsError(
            f"job {job_id}: expected a job with the settings of a run, got {job.kind}; choose another"
        )
    return flat(RunConfig.from_json(job.request["config"]))


@cached(ttl_s=5, max_entries=8)
def patches(limit: int = 12) -> list[PatchRecord]:
    """The newest patches, to start from."""
    with opened() as repository:
        return repository.patches.find(limit=limit)


def placement_preview(config: RunConfig, indices: Sequence[int], *, again: bool = False) -> Preview:
    """Ask how the patch lies on images of the dataset, with the chance of a step.

    Args:
        config: of the run; its initial patch is drawn if it is a file, else a grey one.
        indices: of the images.
        again: try a failed one again.

    Raises:
        EngineError: the dataset is not imported, or the database cannot be used.
    """
    held(config)
    with opened() as repository:
        request = previews.placement(
            repository,
            dataset=config.dataset,
            class_name=config.class_name,
            indices=indices,
            patch=None if config.initial in ("grey", "noise") else config.initial,
            patch_hw=(config.patch_height, config.patch_width),
            circular=config.circular,
            place=config.placement,
            augmentation=config.augmentation,
            image_size=config.image_size,
            seed=config.seed,
        )
        return previews.request_preview(repository, request, again=again)


def detection_preview(config: RunConfig, index: int, *, trust: bool, again: bool = False) -> Preview:
    """Ask what the detector finds on one image: opens its weights, with all checks of the engine.

    Raises:
        EngineError: as of `placement_preview`.
    """
    with opened() as repository:
        request = previews.detections(
            repository,
            dataset=config.dataset,
            weights=detectors.usable(config.weights),
            indices=[index],
            class_name=config.class_name,
            detector_class=config.detector_class,
            architecture=config.architecture,
            detector_classes=detectors.usable_classes(config.detector_classes),
            defences=usable_defences(config.defences),
            image_size=config.image_size,
            trust=trust,
        )
        return previews.request_preview(repository, request, again=again)


def measure(config: RunConfig, *, trust: bool, again: bool = False) -> Preview:
    """Have a few steps of the run measured, for its estimate.

    Raises:
        EngineError: as of `placement_preview`.
    """
    held(config)
    with opened() as repository:
        preview = previews.request_preview(repository, previews.costs(config, trust=trust), again=again)
    if preview.state == "done":
        estimate.clear()
    return preview


def submit(
    config: RunConfig,
    *,
    trust: bool = False,
    evaluate_after: bool = True,
    auto_resume: bool = True,
    label: str = "",
    origin: int | None = None,
    needs: Mapping[str, Any] = MappingProxyType({}),
) -> Job:
    """Queue the run and see to it that a worker is there.

    Args:
        config: the settings.
        trust: open the weights whatever their pickle names.
        evaluate_after: score the patch beside its controls.
        auto_resume: go on by itself after a crash.
        label: what lists call it; empty: after what it attacks.
        origin: the job that its settings came from.
        needs: what it asks of a cluster's node, as of `Needs`.

    Raises:
        EngineError: it cannot be queued, or no worker can be started.
    """
    held(config)
    return workers.submit(
        "generate",
        GenerateRequest(config=config, trust=trust, evaluate_after=evaluate_after),
        auto_resume=auto_resume,
        label=label.strip(),
        origin=origin,
        needs=Needs(**needs).to_json(),
    )
