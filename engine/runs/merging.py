# SPDX-License-Identifier: AGPL-3.0-only
"""The experiment `--merge mean`: one patch for each number of objects per image, averaged at the end."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from engine.choices import Choice
from engine.config import RunConfig
from engine.disk import why_unwritable
from engine.errors import StorageError
from engine.patch.files import read_patch, write_patch
from engine.patch.render import mask_of
from engine.patch.state import CHECKPOINT, RunState, load_checkpoint
from engine.records import ImageRecord, StepRecord
from engine.runs import run_folder
from engine.runs.generation import Generation, Observer
from engine.runs.materials import Materials
from engine.runs.selection import parted
from engine.runs.summary import finish_summary


def generate_merged(
    config: RunConfig,
    materials: Materials,
    folder: Path,
    start: RunState,
    choice: Choice,
    observer: Observer,
    *,
    evaluate_after: bool,
) -> dict[str, Any]:
    """Generate a patch for each group of images with equally many objects, and their mean weighted by images.

    Each group is a separate run in `group-N` with the iterations of one shared patch, and both ways cost the
    same image-iterations. Groups with a checkpoint are resumed.

    Args:
        config: the settings, with `merge` set to `mean`.
        materials: detector and images.
        folder: the run's folder, with its checkpoint.
        start: initial state of each group.
        choice: how each group computes its steps.
        observer: callbacks, called for one group after the other.
        evaluate_after: score the mean, on the images held out if there are any; those are in no group.

    Returns:
        The content of `run.json`, with the runs under `groups`.
    """
    groups: dict[int, list[ImageRecord]] = defaultdict(list)
    training, held_out = parted(range(len(materials.records)), config)
    for index in training:
        groups[materials.records[index].count()].append(materials.records[index])
    shared = config.changed(merge="shared", validation_share=0.0, early_stop=0)
    choice = replace(choice, elapsed_s=0.0)
    summaries, histories = [], []
    for count, records in sorted(groups.items()):
        part = replace(materials, records=tuple(records))
        summary, history = _run_group(shared, part, folder / f"group-{count}", start, choice, observer)
        summaries.append(summary)
        histories.append(history)
    patches = torch.stack([read_patch(summary["patch"])[0] for summary in summaries])
    images = torch.tensor([float(summary["dataset"]["images"]) for summary in summaries])
    merged = (patches * (images / images.sum())[:, None, None, None]).sum(dim=0)
    mask = mask_of(config)
    write_patch(folder, merged, mask)
    run_folder.write_history(folder, _one_after_the_other(histories))
    return finish_summary(
        _joined(config, materials, folder, summaries),
        config,
        materials,
        folder,
        merged,
        (held_out or training) if evaluate_after else [],
        observer.on_evaluated,
        mask,
    )


def _run_group(
    config: RunConfig,
    materials: Materials,
    folder: Path,
    start: RunState,
    choice: Choice,
    observer: Observer,
) -> tuple[dict[str, Any], list[StepRecord]]:
    generation = Generation(config, materials, folder, observer)
    if (folder / CHECKPOINT).exists():
        generation.restore(*load_checkpoint(folder))
    else:
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            why = why_unwritable(folder, error, "check the folder or choose another")
            raise StorageError(f"{folder}: cannot be created, {why}") from error
        generation.begin(replace(start, patch_chw=start.patch_chw.clone(), events=[], history=[]), choice)
    return generation.run(evaluate_after=False), generation.state.history


def _one_after_the_other(histories: list[list[StepRecord]]) -> list[StepRecord]:
    """The groups' steps in order, numbered and timed consecutively."""
    steps, elapsed_s, joined = 0, 0.0, []
    for history in histories:
        joined += [
            replace(record, step=record.step + steps, elapsed_s=record.elapsed_s + elapsed_s)
            for record in history
        ]
        steps, elapsed_s = joined[-1].step, joined[-1].elapsed_s
    return joined


def _joined(
    config: RunConfig, materials: Materials, folder: Path, summaries: list[dict[str, Any]]
) -> dict[str, Any]:
    """A summary of all groups: costs are added up, the rest is the first group's."""
    totals = {
        key: sum(summary[key] for summary in summaries) for key in ("elapsed_s", "steps", "image_iterations")
    }
    first = summaries[0]
    return first | {
        "patch": str(folder / "patch.npy"),
        "config": config.to_json(),
        "dataset": first["dataset"]
        | {
            "images": len(materials.records),
            "objects": sum(record.count() for record in materials.records),
        },
        **totals,
        "image_iterations_per_s": totals["image_iterations"] / totals["elapsed_s"],
        "peak_memory_bytes": max(summary["peak_memory_bytes"] for summary in summaries),
        "groups": [
            {"patch": summary["patch"], "images": summary["dataset"]["images"]} for summary in summaries
        ],
    }
