# SPDX-License-Identifier: AGPL-3.0-only
"""The fields of a run's advanced settings, in groups, made from the settings' declarations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.i18n import N_, _
from dashboard.parts.setting_names import setting_name
from dashboard.services.settings import RUN
from engine.registries import LOSSES
from engine.settings import Setting

# Name → title and icon.
GROUPS = {
    "detector": (N_("Detector"), ":material/visibility:"),
    "budget": (N_("Duration and images"), ":material/timer:"),
    "patch": (N_("Patch"), ":material/crop_square:"),
    "placement": (N_("Placement and augmentation"), ":material/open_with:"),
    "batches": (N_("Batches and views"), ":material/grid_view:"),
    "optimizer": (N_("Optimizer and schedule"), ":material/trending_down:"),
    "losses": (N_("Loss"), ":material/functions:"),
    "technique": (N_("Device and reproducibility"), ":material/memory:"),
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
        """The choices of a text, or what is offered for a list; empty for any text, numbers and switches."""
        return tuple(self.setting.choices or self.setting.offered) if self.kind in (str, tuple) else ()

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Of a number, both included."""
        return None if self.kind in (bool, str, tuple) else self.setting.bounds

    @property
    def name(self) -> str:
        """Its label in the session's language, with its unit."""
        return setting_name(self.key) if self.key in RUN else _(self.label)

    @property
    def meaning(self) -> str:
        """Its help in the session's language."""
        return f"{_(self.help)} {_('0 turns it off.')}" if self.setting.key == "losses" else _(self.help)

    def matters(self, values: Mapping[str, Any]) -> bool:
        """Whether it has an effect beside the other values."""
        needs = self.setting.needs
        return needs is None or values[needs[0]] in needs[1]


def fields_of(group: str) -> list[Field]:
    """A group's fields in the order of the settings."""
    return [field for setting in RUN.values() if setting.group == group for field in _fields(setting)]


def _fields(setting: Setting) -> Iterator[Field]:
    if setting.key == "losses":
        parts = {term.name: (term.label, term.help) for term in LOSSES.things()}
    else:
        parts = {str(place): texts for place, texts in enumerate(setting.parts)}
    for part, (label, help) in parts.items():
        yield Field(key=f"{setting.key}.{part}", setting=setting, label=label, help=help, kind=float)
    if not parts:
        kind = type(setting.default)
        yield Field(key=setting.key, setting=setting, label=setting.label, help=setting.help, kind=kind)
