# SPDX-License-Identifier: AGPL-3.0-only
"""The scenes of a story in words: what they are called, who attacks, and what is left."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard import formats
from dashboard.components import SCORES
from dashboard.i18n import N_, _
from dashboard.parts.jobs.hardenings import ATTACKS
from dashboard.parts.run_names import run_name
from dashboard.services.stories import Scene

TITLES = {
    "clean": N_("Clean"),
    "attacked": N_("Attacked"),
    "defended": N_("Attacked, with {defence}"),
    "again": N_("Attacked again, with {defence}"),
    "hardened": N_("Attacked, hardened"),
    "again-hardened": N_("Attacked again, hardened"),
}
ATTACKERS = {
    "clean": N_("No attacker"),
    "attacked": N_("{name}, made on another detector"),
    "defended": N_("{name}, made without the defence"),
    "again": N_("{name}, made through the defence"),
    "hardened": N_("{name}, made before the hardening"),
    "again-hardened": N_("A new patch that attacks the hardened weights ({name})"),
}
OWN = N_("{name}, made on this detector")


def title(scene: Scene) -> str:
    """What a scene shows."""
    return _(TITLES[scene.kind]).format(defence=scene.chain)


def attacker(scene: Scene) -> str:
    """Who attacks, and what that attacker knew."""
    text = OWN if scene.kind == "attacked" and scene.own else ATTACKERS[scene.kind]
    name = _(ATTACKS[scene.attacker]) if scene.attacker in ATTACKS else run_name(scene.attacker)
    return _(text).format(name=name)


def figures(scene: Scene) -> str:
    """ASR and AP50; nothing is hidden where nobody attacks."""
    if scene.scores is None:
        return _("Not scored.")
    ap50 = formats.number(scene.scores.get("ap50"), 2)
    if scene.kind == "clean":
        return _("AP50 {ap50}").format(ap50=ap50)
    return _("ASR {asr} · AP50 {ap50}").format(asr=formats.percent(scene.scores.get("asr")), ap50=ap50)


def scene_rows(scenes: Sequence[Scene]) -> list[dict[str, str]]:
    """A line for each scene, with intervals."""
    return [
        {
            _("Scenario"): title(scene),
            _("Attacker"): attacker(scene),
            _(SCORES["ap50"]): _score(scene, "ap50"),
            _(SCORES["asr"]): formats.DASH if scene.kind == "clean" else _score(scene, "asr"),
        }
        for scene in scenes
    ]


def _score(scene: Scene, key: str) -> str:
    return _("not tested") if scene.scores is None else formats.score(scene.scores, key)
