# SPDX-License-Identifier: AGPL-3.0-only
"""What can be launched next: an attack that knows the defence, a hardening, a defence's training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard import formats
from dashboard.components import controls, guarded, launch_button
from dashboard.drawing import Markdown, st
from dashboard.i18n import _
from dashboard.services import defences, defend, generate, patches, trainings
from dashboard.services.defend import DefendedSubject, KnownAttack


def launches(subject: DefendedSubject, worst: KnownAttack | None, chain: str) -> None:
    """Three cards with their estimated times.

    Args:
        subject: what is to be protected.
        worst: the strongest patch known, whose budget an adaptive attack gets.
        chain: the defence chosen.
    """
    with controls("defend-launch"):
        st.subheader(_("Next steps"), anchor=False)
        attack, harden, train = st.columns(3)
        with attack.container(border=True), guarded():
            _attack(subject, worst, chain)
        with harden.container(border=True), guarded():
            _harden(subject, worst)
        with train.container(border=True), guarded():
            _train(subject)


def _attack(subject: DefendedSubject, worst: KnownAttack | None, chain: str) -> None:
    st.markdown(Markdown(_("**Attack again with knowledge of the defence**")))
    if chain == defences.NONE:
        st.caption(_("Choose a defence above to generate a patch through it."))
        return
    patch = None if worst is None or worst.patch is None else patches.get(worst.patch)
    config = defend.adaptive_config(patch, subject, chain)
    st.caption(
        _(
            "Generates a patch through {defence}, with the same budget as the strongest one, and scores it."
        ).format(defence=chain)
    )
    st.caption(_time(defend.run_s(config)))
    launch_button(_("Start the attack"), "defend-attack", lambda: generate.submit(config))


def _harden(subject: DefendedSubject, worst: KnownAttack | None) -> None:
    st.markdown(Markdown(_("**Harden the detector**")))
    st.caption(
        _("Fine-tunes it with patches on its objects, then attacks the hardened detector with a new patch.")
    )
    known = [] if worst is None or worst.patch is None else [str(worst.patch)]
    values = {
        "dataset": subject.dataset,
        "weights": subject.weights,
        "class_name": subject.class_name[0],
        "patches": tuple(known),
    }
    _training("harden", values, _("Start hardening"))


def _train(subject: DefendedSubject) -> None:
    st.markdown(Markdown(_("**Train a defence**")))
    st.caption(_("Trains a small network on these images that finds patches and masks them."))
    values = {"dataset": subject.dataset, "classes": subject.class_name}
    _training("train-defence", values, _("Start training"))


def _training(kind: str, values: Mapping[str, Any], label: str) -> None:
    config = trainings.built(kind, values)
    if config.time_limit_s:
        st.caption(_("Up to {time}.").format(time=formats.duration(config.time_limit_s)))
    launch_button(label, f"defend-{kind}", lambda: trainings.submit(kind, config), type="secondary")


def _time(seconds: float | None) -> str:
    if seconds is None:
        return _("No time estimate yet.")
    return _("About {time}.").format(time=formats.duration(seconds))
