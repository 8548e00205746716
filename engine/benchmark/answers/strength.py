# SPDX-License-Identifier: AGPL-3.0-only
"""Answers about how strong patches are, each one sentence from a suite's measurements."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.benchmark.rows import NO_DIFFERENCE, apart, best_of, compared, figures_of, row_of, times
from engine.benchmark.said import Said, listed, said
from engine.benchmark.sides import (
    ACCUMULATED,
    AGREEMENT,
    ART,
    BALANCED,
    BIG,
    BUDGET_AXES,
    BY_THE_RATE,
    CLAIMED_S,
    CLAIMED_SHORTER,
    DIFFERENCE,
    EARLIER,
    GREY,
    MAKING,
    SHORTER,
    STRENGTH,
    TARGET,
    TIMES_BIG,
    UNIFORM,
)
from engine.records import Interval, Measurement


def merge_answer(measurements: Sequence[Measurement]) -> Said:
    """Which is stronger, and how far the groups' patches agree."""
    clauses = [best_of(figures_of(measurements, "ASR"), "ASR")]
    agreement = row_of(measurements, AGREEMENT, "cosine")
    if agreement is not None:
        cosine = agreement.figure.value
        clauses.append(said("the groups' patches agree by a cosine of {cosine:.2f}", cosine=cosine))
    return said("At equal image-iterations, {clauses}.", clauses=listed(clauses, "; "))


def sampling_answer(measurements: Sequence[Measurement]) -> Said:
    """Whether balanced sampling is stronger over all images, and at which object counts."""
    by_count = figures_of([row for row in measurements if "objects" in row.settings], "ASR")
    clauses = []
    for side, uniform in by_count.items():
        name, _, objects = side.partition(", ")
        balanced = by_count.get(f"{BALANCED}, {objects}")
        if name == UNIFORM and balanced is not None:
            clauses.append(_against(objects, balanced, uniform))
    overall = figures_of([row for row in measurements if "objects" not in row.settings], "ASR")
    return said(
        "Over all images {overall}; balanced against uniform by object count: {clauses}.",
        overall=best_of(overall, "ASR"),
        clauses=listed(clauses, "; "),
    )


def _against(objects: str, balanced: Interval, uniform: Interval) -> Said:
    clause = said(
        "{objects}: {balanced:.2f} against {uniform:.2f}",
        objects=objects,
        balanced=balanced.value,
        uniform=uniform.value,
    )
    return clause if apart(uniform, balanced) else _with_doubt(clause)


def _with_doubt(clause: Said) -> Said:
    return said("{clause}, {no_difference}", clause=clause, no_difference=NO_DIFFERENCE)


def accumulate_answer(measurements: Sequence[Measurement]) -> Said:
    """Whether the score is the same, and what it costs in speed and saves in memory."""
    best = best_of(figures_of(measurements, "ASR"), "ASR")
    clauses = [said("at equal image-iterations {best}", best=best)]
    speed = row_of(measurements, ACCUMULATED, TIMES_BIG)
    if speed is not None:
        clauses.append(said("4 x 8 does {times} the speed of batch 32", times=times(speed.figure)))
    peaks = figures_of(measurements, "bytes")
    if BIG in peaks and ACCUMULATED in peaks:
        share = peaks[ACCUMULATED].value / peaks[BIG].value
        clauses.append(said("takes {share:.2f} of its memory", share=share))
    difference = row_of(measurements, DIFFERENCE, "colour range")
    if difference is not None and not math.isnan(difference.figure.value):
        clauses.append(
            said(
                "and the two patches differ by {share:.2g} of the colour range", share=difference.figure.value
            )
        )
    return said("Accumulation against a big batch: {clauses}.", clauses=listed(clauses, ", "))


def baseline_answer(measurements: Sequence[Measurement]) -> Said:
    """How many times ART's throughput, how much of its memory, and which is stronger in equal time."""
    clauses = [
        said("{side} does {times} ART's image-iterations a second", side=side, times=times(ratio))
        for side, ratio in figures_of(measurements, "times ART").items()
    ]
    peaks = figures_of(measurements, "bytes")
    if ART in peaks:
        clauses += [
            said("{side} takes {share:.2f} of its memory", side=side, share=peak.value / peaks[ART].value)
            for side, peak in peaks.items()
            if side != ART
        ]
    seconds = [row.settings["seconds"] for row in measurements if row.unit == "ASR"]
    if seconds:
        best = best_of(figures_of(measurements, "ASR"), said("ASR on held-out images"))
        clauses.append(said("after {seconds:.0f} s each, {best}", seconds=max(seconds), best=best))
    if not clauses:
        return said("Nothing could be measured against ART.")
    return said("{clauses}.", clauses=listed(clauses, "; "))


def losses_answer(measurements: Sequence[Measurement]) -> Said:
    """Which loss is strongest at equal time, and whether the four point elsewhere than the total."""
    cosines = figures_of(measurements, "cosine")
    clauses = [best_of(figures_of(measurements, "ASR"), "ASR")]
    four = cosines.get("total and total with cls, box, dfl")
    if four is not None:
        meaning = said("the same direction") if four.low > 0.999 else said("another direction")
        clauses.append(
            said(
                "the gradient of the four has a cosine of {cosine:.3f} with the total's: {meaning}",
                cosine=four.value,
                meaning=meaning,
            )
        )
    for name in ("object", "max confidence"):
        cosine = cosines.get(f"total and {name}")
        if cosine is not None:
            clauses.append(said("that of {name} has {cosine:.2f}", name=name, cosine=cosine.value))
    return said("At equal time, {clauses}.", clauses=listed(clauses, "; "))


def warm_start_answer(measurements: Sequence[Measurement]) -> Said:
    """How much sooner a run from an earlier patch is as strong as one from grey."""
    seconds = figures_of(measurements, "s")
    saved = row_of(measurements, SHORTER, "share")
    making = row_of(measurements, MAKING, "s before")
    target = row_of(measurements, TARGET, "ASR to reach")
    if saved is None or making is None or target is None or len(seconds) < 3:
        return said("The starts could not be compared: no score was reached by all.")
    starts = [
        said("{side} {seconds:.1f} s", side=side, seconds=figure.value) for side, figure in seconds.items()
    ]
    return said(
        "To ASR {target:.2f} it takes {starts}: {shorter}; making the earlier patch took {making:.1f} s, "
        "which this leaves out.",
        target=target.figure.value,
        starts=listed(starts, ", "),
        shorter=_shorter(saved.figure, doubtful=not apart(seconds[GREY], seconds[EARLIER])),
        making=making.figure.value,
    )


def _shorter(saved: Interval, *, doubtful: bool) -> Said:
    if math.isnan(saved.value):
        return said("undefined")
    clause = said("{share:.0%} shorter from an earlier patch than from grey", share=saved.value)
    claim = compared(saved, CLAIMED_SHORTER)
    return said("{clause} ({claim})", clause=_with_doubt(clause) if doubtful else clause, claim=claim)


def budget_answer(measurements: Sequence[Measurement]) -> Said:
    """Which point of each axis is strongest, and how long the claimed runs take by the measured rate."""
    clauses = []
    for axis in BUDGET_AXES:
        scores = figures_of([row for row in measurements if row.settings.get("axis") == axis], "ASR")
        if scores:
            clauses.append(said("{axis}: {best}", axis=axis, best=best_of(scores, "ASR")))
    for claims in CLAIMED_S.values():
        for images, iterations in claims:
            side = f"{images} images x {iterations} iterations"
            row = row_of(measurements, side, BY_THE_RATE)
            if row is not None and row.claimed == claims[images, iterations]:
                clauses.append(
                    said(
                        "{side} take {duration} by the measured rate, {claim}",
                        side=side,
                        duration=_duration(row.figure.value),
                        claim=compared(row.figure, row.claimed, said(" s")),
                    )
                )
    if not clauses:
        return said("Nothing could be measured.")
    return said("By axis, {clauses}.", clauses=listed(clauses, "; "))


def _duration(seconds: float) -> Said:
    if seconds >= 3600:
        return said("{hours:.1f} h", hours=seconds / 3600)
    if seconds >= 60:
        return said("{minutes:.1f} min", minutes=seconds / 60)
    return said("{seconds:.1f} s", seconds=seconds)


def strength_answer(measurements: Sequence[Measurement]) -> Said:
    """What the patch reaches, beside a grey one."""
    rows = {name: row_of(measurements, f"patch, {name}", unit) for name, unit in STRENGTH}
    grey = row_of(measurements, "grey, asr", "share")
    asr, ap50, hallucinations = rows["asr"], rows["ap50"], rows["hallucinations_per_image"]
    if asr is None or ap50 is None or hallucinations is None or grey is None:
        return said("No patch could be scored.")
    return said(
        "After {seconds:.0f} s the patch reaches ASR {asr:.3f} (a grey one {grey:.3f}) and AP50 {ap50:.3f} "
        "on {images} images that it was not made on, with {hallucinations:.2f} hallucinations an image.",
        seconds=asr.settings["seconds"],
        asr=asr.figure.value,
        grey=grey.figure.value,
        ap50=ap50.figure.value,
        images=asr.settings["held_out_images"],
        hallucinations=hallucinations.figure.value,
    )
