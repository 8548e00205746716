# SPDX-License-Identifier: AGPL-3.0-only
"""Answers, sides and units of benchmarks in the session's language."""

from __future__ import annotations

import re
from itertools import count

from dashboard.i18n import N_, _
from dashboard.services import benchmarks
from engine.records import BenchmarkRun, Measurement

# What names are made of; their numbers stand as {0}, {1} in order.
KNOWN = {
    # plans, sizes, settings
    *(N_("batch {0}"), N_("{0} x batch {1}"), N_("sequential"), N_("grouped"), N_("ragged")),
    *(N_("time saved by grouping"), N_("compile on"), N_("compile off"), N_("prefetch {0}")),
    *(N_("views"), N_("whole images"), N_("the default settings"), N_("memory"), N_("speed")),
    *(N_("iterations"), N_("images"), N_("texels"), N_("learning rate"), N_("learning rate {0}")),
    *(N_("{0} iterations"), N_("{0} images"), N_("{0} images x {1} iterations"), N_("{0} texels")),
    *(N_("{0} objects an image"), N_("{0} texels a side"), N_("{0} pixels a side")),
    # what a run is made of
    *(N_("step"), N_("bare pass"), N_("bare pass without the box branch"), N_("side by side")),
    *(
        N_("rendering alone"),
        N_("loading alone"),
        N_("decoding each image"),
        N_("a run's demand"),
        N_("an iteration of a run"),
    ),
    *(N_("files"), N_("one query an image"), N_("one query a run"), N_("copies")),
    *(N_("pinned memory to the device"), N_("pageable memory to the device")),
    # patches, samplings, losses
    *(N_("patch"), N_("clean"), N_("grey"), N_("noise"), N_("an earlier patch"), N_("at the end")),
    *(N_("one shared patch"), N_("averaged patches"), N_("agreement of the groups' patches")),
    *(N_("mean difference of the two patches"), N_("the score to reach"), N_("making the earlier patch")),
    *(N_("time saved by an earlier patch"), N_("uniform"), N_("balanced"), N_("{0} object")),
    *(N_("{0} objects"), N_("{0} objects or more"), N_("object"), N_("max confidence"), N_("total")),
    *(N_("total with cls, box, dfl"), N_("asr"), N_("ap50"), N_("disappearance")),
    *(N_("hallucinations_per_image"), N_("confidence_retained")),
    # units
    *(N_("image-iterations/s"), N_("images/s"), N_("images/s copied"), N_("s"), N_("s/image")),
    *(N_("s before"), N_("by the measured rate"), N_("share"), N_("per image"), N_("of an iteration")),
    *(N_("colour range"), N_("cosine"), N_("ASR to reach"), N_("times"), N_("times ART"), N_("times fp32")),
    *(N_("times sequential"), N_("times compile off"), N_("times pageable memory")),
    *(N_("times a run's demand"), N_("times the speed of batch {0}"), N_("confidence retained")),
}
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")  # not the one of fp32
JOINTS = {" and ": N_("{0} and {1}"), ", ": N_("{0}, {1}"), " / ": N_("{0} / {1}")}  # from what binds least


def answer_text(run: BenchmarkRun) -> str:
    """The sentence that answers a suite's question; empty while there is none.

    An answer that does not follow from the figures as today's code words them stays as it is on record.
    """
    said = benchmarks.answer_of(run)
    return run.answer or "" if said is None else said.worded(_, name_text)


def side_text(measurement: Measurement) -> str:
    """A measurement's side, with the settings that distinguish it from another of the same name."""
    return benchmarks.name_of(measurement, name_text)


def name_text(name: str) -> str:
    """The name of a side, a part, a setting or a unit; what is not known of it stays as it is."""
    numbers, places = NUMBER.findall(name), count()
    text = NUMBER.sub(lambda number: f"{{{next(places)}}}", name)
    if text in KNOWN:
        return _(text).format(*numbers)
    for joint, both in JOINTS.items():
        first, found, rest = name.partition(joint)
        if found:
            return _(both).format(name_text(first), name_text(rest))
    return name
