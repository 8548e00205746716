# SPDX-License-Identifier: AGPL-3.0-only
"""The fields of a run's advanced settings, in groups, made from the settings' declarations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboard.i18n import N_, _
from dashboard.parts.setting_names import setting_name
from dashboard.services.settings import RUN
from engine.settings import Setting

__all__ = ["GROUPS", "Field", "fields_of"]

# Name → title and icon.
GROUPS = {
    "budget": (N_("Duration and images"), ":material/timer:"),
    "patch": (N_("Patch"), ":material/crop_square:"),
    "placement": (N_("Placement and variation"), ":material/open_with:"),
    "batches": (N_("Batches and views"), ":material/grid_view:"),
    "optimizer": (N_("Optimizer and schedule"), ":material/trending_down:"),
    "losses": (N_("Loss"), ":material/functions:"),
    "technique": (N_("Device and reproducibility"), ":material/memory:"),
}
LOSSES = {
    "object": (N_("Weight: object"), N_("Lowers the scores of predictions on each object; 0: unused.")),
    "overlap": (
        N_("Weight: overlap"),
        N_("Lowers the scores of boxes that overlap an object, wherever they lie; 0: unused."),
    ),
    "max_confidence": (N_("Weight: max confidence"), N_("Lowers the image's highest score; 0: unused.")),
    "total": (N_("Weight: detector's total"), N_("The detector's own training loss; 0: unused.")),
    "cls": (N_("Weight: detector's cls"), N_("The class part of the training loss; 0: unused.")),
    "box": (N_("Weight: detector's box"), N_("The box part of the training loss; 0: unused.")),
    "dfl": (N_("Weight: detector's dfl"), N_("The edge part of the training loss; 0: unused.")),
    "tv": (N_("Weight: total variation"), N_("Makes the patch smoother; 0: unused.")),
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """One widget.

    Attributes:
        key: flat, as of `dashboard.services.generate.flat`; values of a pair and weights have their own.
        setting: whose value it is.
        label, help: in English, to be translated.
        kind: type of the value.
    """

    key: str
    setting: Setting
    label: str
    help: str
    kind: type

    @property
    def options(self) -> tuple[str, ...]:
        """The choices of a text; empty for numbers and switches."""
        return tuple(self.setting.choices or self.setting.offered) if self.kind is str else ()

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Of a number, both included."""
        return None if self.kind in (bool, str) else self.setting.bounds

    @property
    def name(self) -> str:
        """Its label in the session's language, with its unit."""
        return setting_name(self.key) if self.key in RUN else _(self.label)

    def matters(self, values: dict[str, Any]) -> bool:
        """Whether it has an effect beside the other values."""
        needs = self.setting.needs
        return needs is None or values[needs[0]] in needs[1]


def fields_of(group: str) -> list[Field]:
    """A group's fields in the order of the settings."""
    return [field for setting in RUN.values() if setting.group == group for field in _fields(setting)]


def _fields(setting: Setting) -> Iterator[Field]:
    if setting.key == "losses":
        parts = LOSSES.items()
    else:
        parts = {str(place): texts for place, texts in enumerate(setting.parts)}.items()
    for part, (label, help) in parts:
        yield Field(key=f"{setting.key}.{part}", setting=setting, label=label, help=help, kind=float)
    if not parts:
        kind = type(setting.default)
        yield Field(key=setting.key, setting=setting, label=setting.label, help=setting.help, kind=kind)
