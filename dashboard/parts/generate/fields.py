# SPDX-License-Identifier: AGPL-3.0-only
"""The advanced settings of a run: groups of fields, each with its help in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dashboard.i18n import N_
from engine.config import BATCHINGS, PRECISIONS, SAMPLINGS
from engine.registries import OPTIMIZERS, SCHEDULES

__all__ = ["GROUPS", "LABELS", "Field", "Group"]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One setting.

    Attributes:
        key: flat, as of `dashboard.services.generate.flat`.
        meaning: its help; marked for translation.
        bounds: of a number, both included.
        options: of a choice.
        needs: another key and those of its values with which this one matters; else it is not shown.
    """

    key: str
    meaning: str
    bounds: tuple[float, float] | None = None
    options: tuple[str, ...] = ()
    needs: tuple[str, tuple[Any, ...]] | None = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """Fields that belong together, under a title that is marked for translation."""

    title: str
    icon: str
    fields: tuple[Field, ...]

    @property
    def keys(self) -> list[str]:
        """Of its fields."""
        return [field.key for field in self.fields]


# What the tables of settings do not name: the parts of pairs and of the loss.
LABELS = {
    "view_zoom.0": N_("View zoom, lowest"),
    "view_zoom.1": N_("View zoom, highest"),
    "placement.position.0": N_("Position, left to right"),
    "placement.position.1": N_("Position, top to bottom"),
    "losses.object": N_("Weight: object"),
    "losses.overlap": N_("Weight: overlap"),
    "losses.max_confidence": N_("Weight: max confidence"),
    "losses.total": N_("Weight: detector's total"),
    "losses.cls": N_("Weight: detector's cls"),
    "losses.box": N_("Weight: detector's box"),
    "losses.dfl": N_("Weight: detector's dfl"),
    "losses.tv": N_("Weight: total variation"),
}


def _number(key: str, low: float, high: float, meaning: str, needs: Any = None) -> Field:
    return Field(key=key, meaning=meaning, bounds=(low, high), needs=needs)


def _choice(key: str, options: tuple[str, ...], meaning: str, needs: Any = None) -> Field:
    return Field(key=key, meaning=meaning, options=options, needs=needs)


def _switch(key: str, meaning: str) -> Field:
    return Field(key=key, meaning=meaning)


_ON_OBJECTS = ("placement.kind", ("object",))
_FIXED = ("placement.kind", ("fixed",))
_FALLING = ("schedule.kind", ("step", "multi-step", "exponential", "plateau"))
_COSINE = ("schedule.kind", ("cosine",))

GROUPS = {
    "budget": Group(
        title=N_("Duration and images"),
        icon=":material/timer:",
        fields=(
            _number("time_limit_s", 0, 1e7, N_("Stop after so many seconds; 0 for no limit.")),
            _number("max_images", 0, 1e7, N_("Use at most so many of the dataset's images; 0 for all.")),
            _switch("include_empty", N_("Images without objects of the class take part too.")),
            _number("validation_share", 0, 0.9, N_("Share of the images held out to choose the best patch.")),
            _number("validate_every", 1, 1e6, N_("Iterations between two looks at the held-out images.")),
            _number(
                "early_stop", 0, 1e6, N_("End after so many validations without a better patch; 0: never.")
            ),
        ),
    ),
    "patch": Group(
        title=N_("Patch"),
        icon=":material/crop_square:",
        fields=(
            _number("patch_width", 16, 512, N_("The patch's own width in pixels, its texels.")),
            _number("patch_height", 16, 512, N_("The patch's own height in pixels, its texels.")),
            _switch("circular", N_("Draw only the ellipse that fills the patch.")),
            _choice("merge", ("shared", "mean"), N_("One patch, or the mean of one for each object count.")),
        ),
    ),
    "placement": Group(
        title=N_("Placement and variation"),
        icon=":material/open_with:",
        fields=(
            _choice(
                "placement.kind",
                ("object", "random", "fixed"),
                N_("On each object, or one on each image: anywhere, or at a fixed position."),
            ),
            _number(
                "placement.scale", 0.01, 1, N_("Side over the box's diagonal, or the image's shorter side.")
            ),
            _number("placement.rise", -1, 1, N_("Raised by this share of the box's height."), _ON_OBJECTS),
            _number("placement.position.0", 0, 1, N_("0 is the left edge, 1 the right."), _FIXED),
            _number("placement.position.1", 0, 1, N_("0 is the top, 1 the bottom."), _FIXED),
            _number("augmentation.shift", 0, 1, N_("Random shift, as a share of the patch's side.")),
            _number("augmentation.resize", 0, 1, N_("Random change of the drawn size, as a share.")),
            _number("augmentation.rotation_deg", 0, 180, N_("Random turn, either way, in degrees.")),
            _number(
                "augmentation.contrast", 0, 0.9, N_("Random change of the patch's contrast, as a share.")
            ),
            _number("augmentation.brightness", 0, 0.5, N_("Random change of the patch's brightness.")),
            _switch("flip", N_("Mirror half of the images at random.")),
        ),
    ),
    "batches": Group(
        title=N_("Batches and views"),
        icon=":material/grid_view:",
        fields=(
            _number("batch_size", 0, 4096, N_("Images a batch; 0 finds one that fits memory and is fast.")),
            _choice(
                "batching", BATCHINGS, N_("One image alone, images of one object count, or any together.")
            ),
            _choice("sampling", SAMPLINGS, N_("Draw each image alike, or each object count alike.")),
            _number("batch_start", 0, 4096, N_("Let batches grow from this size; 0 for constant ones.")),
            _number("accumulate", 1, 4096, N_("Batches whose gradients make one step.")),
            _number("image_size", 32, 4096, N_("The image's long side in pixels, a multiple of 32.")),
            _number("view_size", 0, 4096, N_("Side of the window that a step looks at; 0 for whole images.")),
            _number("view_zoom.0", 0.1, 10, N_("Lowest zoom of the window.")),
            _number("view_zoom.1", 0.1, 10, N_("Highest zoom of the window.")),
        ),
    ),
    "optimizer": Group(
        title=N_("Optimizer and schedule"),
        icon=":material/trending_down:",
        fields=(
            _choice("optimizer", tuple(OPTIMIZERS), N_("How gradients become steps.")),
            _number("learning_rate", 1e-6, 1, N_("Size of a step in colour range, 0 to 1.")),
            _number("clip_norm", 0, 1e6, N_("Largest norm of the gradient; 0 for no limit.")),
            _choice("schedule.kind", tuple(SCHEDULES), N_("How the learning rate moves during the run.")),
            _number("schedule.warmup", 0, 1e5, N_("Iterations in which the rate rises from zero.")),
            _number(
                "schedule.cycles", 1, 1000, N_("How often the rate falls from full to its floor."), _COSINE
            ),
            _number("schedule.floor", 0, 1, N_("The rate's last share."), _COSINE),
            _number(
                "schedule.gamma", 0.001, 1, N_("What the rate is multiplied with at each fall."), _FALLING
            ),
            _number(
                "schedule.every", 1, 1e5, N_("Iterations between two falls."), ("schedule.kind", ("step",))
            ),
            _number(
                "schedule.patience",
                1,
                1e5,
                N_("Iterations without a better loss before the rate falls."),
                ("schedule.kind", ("plateau",)),
            ),
        ),
    ),
    "losses": Group(
        title=N_("Loss"),
        icon=":material/functions:",
        fields=(
            _number(
                "losses.object", -1e4, 1e4, N_("Lowers the scores of predictions on each object; 0: unused.")
            ),
            _number(
                "losses.overlap",
                -1e4,
                1e4,
                N_("Lowers the scores of boxes that overlap an object, wherever they lie; 0: unused."),
            ),
            _number("losses.max_confidence", -1e4, 1e4, N_("Lowers the image's highest score; 0: unused.")),
            _number("losses.total", -1e4, 1e4, N_("The detector's own training loss; 0: unused.")),
            _number("losses.cls", -1e4, 1e4, N_("The class part of the training loss; 0: unused.")),
            _number("losses.box", -1e4, 1e4, N_("The box part of the training loss; 0: unused.")),
            _number("losses.dfl", -1e4, 1e4, N_("The edge part of the training loss; 0: unused.")),
            _number("losses.tv", -1e4, 1e4, N_("Makes the patch smoother; 0: unused.")),
            _number("top_k", 1, 1000, N_("How many scores of each object the object term looks at.")),
        ),
    ),
    "technique": Group(
        title=N_("Device and reproducibility"),
        icon=":material/memory:",
        fields=(
            _choice("backend", ("native", "art"), N_("PatchBench's own loop, or ART's for comparison.")),
            _choice("device", ("auto", "cpu", "cuda", "mps"), N_("What computes; auto takes the worker's.")),
            _choice("precision", PRECISIONS, N_("Of the forward pass; auto: bf16 on GPUs that have it.")),
            _switch("compile", N_("Compile the detector first, which pays in long runs on GPUs.")),
            _switch("deterministic", N_("Bit-identical on GPUs too, but slower.")),
            _number("seed", 0, 2**32 - 1, N_("Of all chance: one seed, one result.")),
            _number("checkpoint_every", 1, 1e6, N_("Iterations between two checkpoints.")),
        ),
    ),
}
