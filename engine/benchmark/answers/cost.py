# SPDX-License-Identifier: AGPL-3.0-only
"""Answers about time and memory, each one sentence from a suite's measurements."""

from __future__ import annotations

from collections.abc import Sequence

from engine.benchmark.rows import NO_DIFFERENCE, apart, best_of, compared, figures_of, row_of, times
from engine.benchmark.said import Said, listed, said
from engine.benchmark.sides import (
    CLAIMED_BF16,
    CLAIMED_SAVING,
    CLAIMED_SPEED,
    CONSUMED,
    PINNED,
    SAVED_BY_GROUPING,
    SCALING_AXES,
    VIEWS,
)
from engine.records import Interval, Measurement


def batching_answer(measurements: Sequence[Measurement]) -> Said:
    """Whether grouping makes bigger batches pay."""
    relative = figures_of(measurements, "times sequential")
    saved = row_of(measurements, SAVED_BY_GROUPING, "share")
    grouped, ragged = (relative.get(f"{plan}, batch 8") for plan in ("grouped", "ragged"))
    if saved is None or grouped is None or ragged is None:
        return said("The speed of batches of 8 could not be measured.")
    fastest = max(relative, key=lambda side: relative[side].value)
    speed = said(
        "A batch of 8 does {grouped} a single image's image-iterations a second grouped by object count "
        "({grouped_claim}) and {ragged} ragged, so grouping is {verdict} beyond noise; it saves {saved:.0%} "
        "of the time of single images ({saved_claim}), and the fastest is {fastest} with {most:.2f} times",
        grouped=times(grouped),
        grouped_claim=compared(grouped, CLAIMED_SPEED[8]),
        ragged=times(ragged),
        verdict=_verdict(grouped, ragged),
        saved=saved.figure.value,
        saved_claim=compared(saved.figure, CLAIMED_SAVING),
        fastest=fastest,
        most=relative[fastest].value,
    )
    peaks = figures_of(measurements, "bytes")
    if not peaks:
        return said("{clauses}.", clauses=speed)
    sizes = [said("{size:.2f} GB ({side})", size=peak.value / 1e9, side=side) for side, peak in peaks.items()]
    memory = said("peak memory is {sizes}", sizes=listed(sizes, ", "))
    return said("{clauses}.", clauses=listed([speed, memory], "; "))


def _verdict(first: Interval, second: Interval) -> Said:
    """How the first speed stands to the second."""
    if not apart(first, second):
        return said("no faster")
    return said("faster") if first.value > second.value else said("slower")


def precision_answer(measurements: Sequence[Measurement]) -> Said:
    """What mixed precision and compilation buy in speed and memory."""
    against = figures_of(measurements, "times fp32")
    if not against:
        return said("No lower precision could be measured.")
    clauses = [best_of(figures_of(measurements, "image-iterations/s"), said("throughput"))]
    clauses += [
        said(
            "{side} does {times} fp32's image-iterations a second ({claim})",
            side=side,
            times=times(ratio),
            claim=compared(ratio, CLAIMED_BF16),
        )
        for side, ratio in against.items()
    ]
    compiled = row_of(measurements, "compile on", "times compile off")
    if compiled is not None:
        clauses.append(said("torch.compile does {times}", times=times(compiled.figure)))
    peaks = figures_of(measurements, "bytes")
    for side, peak in peaks.items():
        if not side.startswith("fp32") and "fp32, batch 8" in peaks:
            share = peak.value / peaks["fp32, batch 8"].value
            clauses.append(
                said("{side} takes {share:.2f} of fp32's memory (claimed 0.5)", side=side, share=share)
            )
    if not any(side.startswith("fp16") for side in against):
        clauses.append(said("fp16 was not measured: it needs a GPU"))
    return said("{clauses}.", clauses=listed(clauses, "; "))


def floor_answer(measurements: Sequence[Measurement]) -> Said:
    """What share of the bare pass's speed a step reaches, and where the rest of its time goes."""
    shares = figures_of(measurements, "share")
    clauses = []
    for view in VIEWS:
        share = row_of(measurements, f"bare pass / step, {view}", "share")
        if share is not None:
            clauses.append(
                said(
                    "{share:.2f} ({low:.2f} to {high:.2f}) of the bare pass's speed with {view} "
                    "(of its time rendering {rendering:.0%}, loading {loading:.0%})",
                    share=share.figure.value,
                    low=share.figure.low,
                    high=share.figure.high,
                    view=view,
                    rendering=shares[f"rendering alone / step, {view}"].value,
                    loading=shares[f"loading alone / step, {view}"].value,
                )
            )
    if not clauses:
        return said("No step could be measured.")
    return said("A step reaches {shares}.", shares=listed(clauses, said(" and ")))


def scaling_answer(measurements: Sequence[Measurement]) -> Said:
    """How much more the last point of each axis costs than the first."""
    clauses = []
    for axis in SCALING_AXES:
        points = figures_of([row for row in measurements if row.settings.get("axis") == axis], "s/image")
        if len(points) < 2:
            continue
        (first, low), *_, (last, high) = points.items()
        ratio = said("{ratio:.2f} times", ratio=high.value / low.value)
        cost = ratio if apart(low, high) else NO_DIFFERENCE
        clauses.append(said("from {first} to {last}: {cost}", first=first, last=last, cost=cost))
    if not clauses:
        return said("Nothing was measured.")
    return said("The cost of an image-iteration grows thus: {clauses}.", clauses=listed(clauses, "; "))


def memory_answer(measurements: Sequence[Measurement]) -> Said:
    """The least and the most that a run takes."""
    peaks = figures_of(measurements, "bytes")
    if not peaks:
        return said("No batch size fitted into memory.")
    least, most = (choose(peaks, key=lambda side: peaks[side].value) for choose in (min, max))
    return said(
        "A run takes {low:.2f} GiB ({least}) to {high:.2f} GiB ({most}) at its peak.",
        low=peaks[least].value / 2**30,
        least=least,
        high=peaks[most].value / 2**30,
        most=most,
    )


def data_source_answer(measurements: Sequence[Measurement]) -> Said:
    """What each way to read costs beside an iteration of a run."""
    seconds, shares = figures_of(measurements, "s"), figures_of(measurements, "of an iteration")
    if not shares:
        return said("No way to read the records was measured.")
    clauses = [
        said(
            "{side} takes {milliseconds:.1f} ms ({share:.2%} of an iteration)",
            side=side,
            milliseconds=seconds[side].value * 1000,
            share=share.value,
        )
        for side, share in shares.items()
    ]
    return said("Reading all records once: {clauses}.", clauses=listed(clauses, "; "))


def loader_answer(measurements: Sequence[Measurement]) -> Said:
    """Which batches are fed fastest, and whether a run ever has to wait for them."""
    rates = figures_of(measurements, "images/s")
    demand = figures_of(measurements, "times a run's demand")
    if not rates or not demand:
        return said("No batches could be fed.")
    fed = {side: rate for side, rate in rates.items() if side != CONSUMED}
    fastest = max(fed, key=lambda side: fed[side].value)
    clauses = [
        said("{side} is fed fastest, {rate:.0f} images a second", side=fastest, rate=fed[fastest].value)
    ]
    clauses += [
        said("{side} is fed {times} as fast as a run uses images", side=side, times=times(ratio))
        for side, ratio in demand.items()
    ]
    pinned = row_of(measurements, PINNED, "times pageable memory")
    if pinned is not None:
        clauses.append(
            said("pinned memory is copied {times} as fast as pageable", times=times(pinned.figure))
        )
    return said("{clauses}.", clauses=listed(clauses, "; "))
