# SPDX-License-Identifier: AGPL-3.0-only
"""Words for benchmarks: sides, figures, effects and the one headline of a suite, in any language."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from engine.benchmark.suite import SUITES, Claim
from engine.measurements import Axes, Comparison, Interval, Measurement

Translate = Callable[[str], str]
MOST_WORDS = 15  # of a headline
DASH = "–"  # noqa: RUF001

AXES = {
    "attacked": "patch made on {value}",
    "batch_size": "batch {value}",
    "defence": "with {value}",
    "images": "{value} images",
    "iterations": "{value} iterations",
    "learning_rate": "learning rate {value}",
    "objects": "{value} objects per image",
    "pixels": "images of {value} px",
    "prefetch": "prefetch {value}",
    "scored": "on {value}",
    "seed": "seed {value}",
    "texels": "{value} texels per side",
}
"""Setting → how a side says its value; other settings say the value alone."""

ONE = {
    "images": "1 image",
    "iterations": "1 iteration",
    "objects": "1 object per image",
    "rounds": "1 more round",
    "seeds": "1 more seed",
}
"""How sides and needs say the value 1, where their words have a plural."""

METRICS = {
    "image-iterations/s": "speed",
    "images/s": "speed",
    "bytes": "memory",
    "s": "time",
    "s/image": "time",
    "ASR": "ASR",
    "AP50": "AP50",
    "confidence retained": "confidence retained",
    "disappearance": "disappearance",
    "hallucinations/image": "hallucinations per image",
    "cosine": "cosine",
    "colour range": "colour difference",
}
"""Unit of a figure → what it is a figure of."""

EFFECTS = {
    "nothing": "none of the {metric}",  # 0 times
    "times": "{effect} times the {metric}",
    "share": "{effect} of the {metric}",
    "difference": "{effect} {metric}",
}
HEADLINES = {
    "confirmed": "{holds}: {effect}.",
    "larger": "{holds}, more than claimed: {effect}.",
    "smaller": "{holds}, less than claimed: {effect}.",
    "refuted": "{fails}: {effect}.",
    "none": "{fails}: no effect above {margin}.",
    "undecided": "Inconclusive: {effect} ({low} to {high}).",
}
UNDECIDED_SIDE = (
    "Inconclusive {side}: {effect} ({low} to {high})."  # the headline where claims name their side
)
OUTCOMES = {
    "confirmed": "confirmed",
    "larger": "more than claimed",
    "smaller": "less than claimed",
    "refuted": "refuted",
    "none": "no effect above {margin}",
    "undecided": "inconclusive",
}
NEEDS = {
    "rounds": "{count} more rounds",
    "objects": "{count} more objects",
    "seeds": "{count} more seeds",
    "times": "{count} times the objects and seeds",
}
UNDECIDED = "inconclusive; needs {needs}"
EITHER = "{first} or {second}"
NOTHING = "Nothing could be compared."
_SHOWN = {"bytes": ("GB", 1e9)}  # units that are too small to read


def texts() -> list[str]:
    """All texts that are translated, those of the suites included."""
    found: list[str] = [UNDECIDED, UNDECIDED_SIDE, EITHER, NOTHING]
    for table in (AXES, ONE, METRICS, EFFECTS, HEADLINES, OUTCOMES, NEEDS):
        found += table.values()
    found += METRICS  # they are units too
    for suite in SUITES.things():
        found += [suite.question, suite.source, suite.on_cuda, *suite.names]
        found += [text for claim in suite.claims for text in (claim.holds, claim.fails)]
    return [text for text in dict.fromkeys(found) if text]


def label(side: Axes, translate: Translate = str) -> str:
    """The name of a side: `ragged, batch 8`."""
    return ", ".join(
        translate(_counted(AXES, key, value)).format(value=_said(value, translate))
        if key in AXES
        else translate(str(value))
        for key, value in side.items()
    )


def pair_name(comparison: Comparison, translate: Translate = str) -> str:
    """Side, reference and metric of a comparison in one line: `grouped : ragged, speed`."""
    metric = _metric_name(comparison, translate)
    return f"{label(comparison.side, translate)} : {label(comparison.reference, translate)}, {metric}"


def shown_unit(metric: str) -> tuple[str, float]:
    """The unit that a metric is shown in, and what to divide its figures by: GB in place of bytes."""
    return _SHOWN.get(metric, (metric, 1.0))


def figure_text(figure: Interval, factor: float = 1.0) -> str:
    """A figure to four digits with its interval if that has a width; a dash where it is undefined."""
    if math.isnan(figure.value):
        return DASH
    value, low, high = (f"{bound / factor:.4g}" for bound in (figure.value, figure.low, figure.high))
    return value if low == high else f"{value} [{low}, {high}]"


def effect_figures(comparison: Comparison) -> tuple[str, str, str]:
    """The effect, its lowest and its highest value, as the unit is written."""
    effect, unit = comparison.effect, comparison.unit
    low, value, high = (_effect_text(each, unit) for each in (effect.low, effect.value, effect.high))
    return value, low, high


def claimed_text(comparison: Comparison) -> str:
    """The claimed effect: a number, a range, or a bound; empty without one."""
    if comparison.claimed is None:
        return ""
    low, high = comparison.claimed
    texts = [_effect_text(bound, comparison.unit) for bound in (low, high)]
    if math.isinf(low):
        return f"≤ {texts[1]}"
    if math.isinf(high):
        return f"≥ {texts[0]}"
    return texts[0] if low == high else f"{texts[0]} – {texts[1]}"  # noqa: RUF001


def outcome_text(suite: str, comparison: Comparison, translate: Translate = str) -> str:
    """The outcome in words; of an undecided one, what it would take."""
    if comparison.needs:
        return translate(UNDECIDED).format(needs=needs_text(comparison, translate))
    text = translate(OUTCOMES.get(comparison.outcome, ""))
    return text.format(margin=_margin(_claim(suite, comparison), comparison))


def needs_text(comparison: Comparison, translate: Translate = str) -> str:
    """What more it would take to decide an undecided comparison; empty for others."""
    words = ""
    for what, count in comparison.needs.items():
        need = translate(_counted(NEEDS, what, count)).format(count=f"{count:,}")
        words = translate(EITHER).format(first=words, second=need) if words else need
    return words


def told(suite: str, comparisons: Sequence[Comparison]) -> Comparison | None:
    """The comparison that the headline tells of: the first of the first claim that has one."""
    about = SUITES.get(suite)
    tests = ((claim, each) for claim in (about.claims if about else ()) for each in comparisons)
    return next((each for claim, each in tests if each.claim == claim.key), None)


def headline(suite: str, comparisons: Sequence[Comparison], translate: Translate = str) -> str:
    """What a suite found, from the comparison that tests its first claim.

    Args:
        suite: its name.
        comparisons: of a run, in order.
        translate: takes an English text of `texts` and returns it in another language.

    Returns:
        A sentence of at most `MOST_WORDS` words in English.
    """
    first = told(suite, comparisons)
    claim = _claim(suite, first) if first else None
    if first is None or claim is None:
        return translate(NOTHING)
    effect, low, high = effect_figures(first)
    kind = "nothing" if first.unit == "times" and first.effect.value == 0 else first.unit
    words = translate(EFFECTS[kind]).format(effect=effect, metric=_metric_name(first, translate))
    undecided_side = first.outcome == "undecided" and "{" in claim.holds
    return translate(UNDECIDED_SIDE if undecided_side else HEADLINES[first.outcome]).format(
        side=label(first.side, translate),
        holds=_of_side(translate(claim.holds), first.side, translate),
        fails=_of_side(translate(claim.fails), first.side, translate),
        effect=words,
        margin=_margin(claim, first),
        low=low,
        high=high,
    )


def comparison_row(suite: str, comparison: Comparison, translate: Translate = str) -> tuple[str, ...]:
    """A comparison as tables show it: side, reference, metric, effect, claimed effect, outcome."""
    value, low, high = effect_figures(comparison)
    return (
        label(comparison.side, translate),
        label(comparison.reference, translate),
        _metric_name(comparison, translate),
        value if low == high else f"{value} [{low}, {high}]",
        claimed_text(comparison) or DASH,
        outcome_text(suite, comparison, translate) if comparison.outcome else DASH,
    )


def measurement_row(row: Measurement, translate: Translate = str) -> tuple[str, str, str]:
    """A measurement as tables show it: side, figure, unit."""
    unit, factor = shown_unit(row.metric)
    return label(row.side, translate), figure_text(row.figure, factor), translate(unit)


def _of_side(text: str, side: Axes, translate: Translate) -> str:
    """A claim in words, with what it names of the side: `The defence {defence} helps`."""
    for key, value in side.items():
        text = text.replace(f"{{{key}}}", str(_said(value, translate)))
    return text


def _said(value: object, translate: Translate) -> object:
    """A side's value, translated if it is a word."""
    return translate(value) if isinstance(value, str) else value


def _counted(texts: Mapping[str, str], key: str, count: object) -> str:
    return ONE[key] if count == 1 and key in ONE else texts[key]


def _metric_name(comparison: Comparison, translate: Translate) -> str:
    return translate(METRICS.get(comparison.metric, comparison.metric))


def _claim(suite: str, comparison: Comparison) -> Claim | None:
    about = SUITES.get(suite)
    return about.claim(comparison.claim) if about else None


def _margin(claim: Claim | None, comparison: Comparison) -> str:
    if claim is None:
        return DASH
    return f"{claim.margin:.2f}" if comparison.unit == "difference" else f"{claim.margin:.0%}"


def _effect_text(value: float, unit: str) -> str:
    if math.isnan(value):
        return DASH
    if unit == "share":
        return f"{value:.2%}"
    return f"{value:+.3f}" if unit == "difference" else f"{value:.3g}"
