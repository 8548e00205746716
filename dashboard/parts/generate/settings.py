# SPDX-License-Identifier: AGPL-3.0-only
"""The widgets of a run's settings: what is attacked, the preset, the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dashboard import formats
from dashboard.components import guarded
from dashboard.drawing import st
from dashboard.i18n import N_, _
from dashboard.page_state import choose, chosen, kept
from dashboard.parts.class_choice import (
    choose_classes,
    choose_detector_class,
    read_classes,
    write_classes,
)
from dashboard.parts.dataset_choice import choose_dataset
from dashboard.parts.detector_choice import (
    choose_detector,
    choose_further,
    other_weights,
    write_several,
    write_weights,
)
from dashboard.parts.run_names import run_name
from dashboard.parts.setting_names import CHOICES
from dashboard.services import datasets, generate
from dashboard.services.generate import DEFAULTS
from engine.config import PRESETS
from engine.errors import EngineError
from engine.store.datasets import DatasetSummary

PRESET_NAMES = {
    "quick": N_("Quick"),
    "standard": N_("Standard"),
    "thorough": N_("Thorough"),
    "own": N_("Custom"),
}
STARTS = {"grey": N_("Grey"), "noise": N_("Noise"), "patch": N_("An earlier patch")}
ENSEMBLES = CHOICES["ensemble"]
MOST_ITERATIONS = 1_000_000
_FIRST = "g.initial"


def query(key: str) -> str:
    """The query parameter of a setting."""
    shared = {
        "dataset": "dataset",
        "weights": "detector",
        "class_name": "class",
        "detector_class": "detector_class",
    }
    return shared.get(key, f"g.{key}")


def prefill() -> int | None:
    """Take the settings of the job that the link names, once; the job that the settings came from."""
    if "from_job" in st.query_params:
        text = st.query_params.pop("from_job")
        with guarded():
            if text.isdecimal():
                _take(generate.settings_of_job(int(text)))
                choose("g.origin", int(text))
    return chosen("g.origin", parse=int)


def _take(values: Mapping[str, Any]) -> None:
    """Put settings in the place of whatever was chosen."""
    for key in [each for each in st.session_state if str(each).startswith("widget.")]:
        if str(key) not in ("widget.lang", "widget.present"):
            del st.session_state[key]
    for key, value in values.items():
        write = _WRITTEN.get(key, _written)
        if key in ("class_name", "defences", "further_weights", "own_detector_classes"):
            value = [value] if isinstance(value, str) else list(value)
        choose(query(key), None if value == DEFAULTS.get(key) else value, write=write)
    preset = next((name for name, number in PRESETS.items() if number == values["iterations"]), "own")
    choose("g.preset", preset)
    if values["initial"] not in ("grey", "noise"):
        choose("g.start", "patch")
    else:
        choose("g.start", values["initial"])


def choose_subject(found: list[DatasetSummary]) -> dict[str, Any]:
    """Dataset, detector and classes; without `detector_class` while that must be chosen."""
    left, right = st.columns(2)
    with left:
        dataset = choose_dataset(found, _("The images used to generate the patch."))
    with right:
        weights = choose_detector("detector", _("The detector that the patch attacks."), dataset=dataset.name)
        other_weights("detector")
        further = choose_further(query("further_weights"), weights)
    values: dict[str, Any] = {"dataset": dataset.name, "weights": weights, "further_weights": tuple(further)}
    if further:
        with right:
            values["ensemble"] = choose_ensemble()
            values["own_detector_classes"] = _own_classes([weights, *further])
    left, right = st.columns(2)
    with left:
        names = datasets.classes_with_objects(dataset)
        if not names:
            st.warning(_("No image in this dataset contains an object."))
            return values
        classes = choose_classes("class", names, meaning=_("The objects to hide."))
    with right:
        detector_class = choose_detector_class("detector_class", weights, classes)
    if classes and detector_class is not None:
        values |= {"class_name": tuple(classes), "detector_class": detector_class}
    return values


def _own_classes(detectors: Sequence[str]) -> tuple[str, ...]:
    """Classes of single detectors, which an earlier job or a link brings along, as far as they are chosen."""
    brought = chosen(query("own_detector_classes"), [], parse=read_classes)
    own = tuple(each for each in brought if each.rpartition("@")[2] in detectors)
    if own:
        st.caption(_("Per-detector classes: {classes}").format(classes=", ".join(own)))
    return own


def choose_ensemble() -> str:
    """What counts of several detectors' losses."""
    return st.segmented_control(
        _("Loss of several detectors"),
        list(ENSEMBLES),
        format_func=lambda each: _(ENSEMBLES[each]),
        required=True,
        help=_("How the losses of several detectors are combined: mean, or the largest (max)."),
        **kept(query("ensemble"), "mean", allowed=ENSEMBLES),
    )


def choose_preset(values: Mapping[str, Any]) -> int:
    """How many iterations, with the estimate of each preset."""
    preset = st.segmented_control(
        _("Thoroughness"),
        list(PRESET_NAMES),
        format_func=lambda each: _(PRESET_NAMES[each]),
        required=True,
        help=_("Number of passes over the images. More passes make a stronger patch and take longer."),
        **kept("g.preset", "standard", allowed=PRESET_NAMES),
    )
    if preset == "own":
        return st.number_input(
            _("Iterations"),
            1,
            MOST_ITERATIONS,
            help=_("Number of passes over the images."),
            **kept("g.iterations", PRESETS["standard"], allowed=range(1, MOST_ITERATIONS + 1), parse=int),
        )
    st.caption(" · ".join(_preset_text(name, values) for name in PRESETS))
    if limit_s := values.get("time_limit_s"):
        text = _(
            "The time limit of {time} below ends longer runs early, so these times are the same. "
            "The schedule is adapted to it."
        )
        st.caption(text.format(time=formats.duration(limit_s)))
    return PRESETS[preset]


def _preset_text(preset: str, values: Mapping[str, Any]) -> str:
    try:
        estimated = generate.estimate(generate.built({**values, "iterations": PRESETS[preset]}))
    except EngineError:
        estimated = None
    text = _("{name}: {number} iterations").format(
        name=_(PRESET_NAMES[preset]), number=f"{PRESETS[preset]:,}"
    )
    return f"{text}, {formats.duration(estimated.elapsed_s)}" if estimated else text


def choose_start() -> str:
    """What the patch is before its first step: grey, noise or an earlier patch's file."""
    start = st.segmented_control(
        _("Starting patch"),
        list(STARTS),
        format_func=lambda each: _(STARTS[each]),
        required=True,
        help=_("The patch before the first step. An earlier patch gives a warm start."),
        **kept("g.start", "grey", allowed=STARTS),
    )
    return _earlier_patch() if start == "patch" else start


def _write_patch(path: str) -> str:
    """An earlier patch as a link has it: its number, where it is known."""
    return next((str(patch.id) for patch in generate.patches() if patch.path == path), path)


def _read_patch(text: str) -> str:
    """The path of the earlier patch that a link names."""
    return next((patch.path for patch in generate.patches() if str(patch.id) == text), text)


# Setting → how it stands in a link.
_WRITTEN: dict[str, Callable[[Any], str]] = {
    "class_name": write_classes,
    "weights": write_weights,
    "defences": write_classes,
    "further_weights": write_several,
    "own_detector_classes": write_classes,
    "initial": _write_patch,
}


def _earlier_patch() -> str:
    """The gallery; a file that a link or an earlier job names stays chosen."""
    path = chosen(_FIRST, parse=_read_patch)
    found = generate.patches()
    if not found:
        st.info(_("There are no earlier patches yet; the run starts from grey."))
        return path or "grey"
    columns = st.columns(6)
    for place, patch in enumerate(found):
        with columns[place % 6]:
            st.image(patch.image, width=96, alt=run_name(patch.name))
            if st.button(
                run_name(patch.name),
                key=f"g-start-{patch.id}",
                type="primary" if patch.path == path else "secondary",
                width="stretch",
            ):
                choose(_FIRST, patch.path, write=_write_patch)
                st.rerun()
    if not path:
        st.caption(_("Choose a patch. Until then the run starts from grey."))
    elif path not in [patch.path for patch in found]:
        st.text(_("Chosen: {path}").format(path=path))
    return path or "grey"


def _written(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
