# SPDX-License-Identifier: AGPL-3.0-only
"""Loss, throughput, and estimates beside the truth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.charts.jobs import (
    STRETCHES,
    epoch_rows,
    epoch_spec,
    estimates_beside_truth,
    loss_rows,
    loss_spec,
    rates,
    score_rows,
    score_spec,
    throughput_rows,
    throughput_spec,
)
from engine.records import StepRecord


def step(number: int, elapsed_s: float, images: int = 2, loss: float = 1.0) -> StepRecord:
    return StepRecord(
        step=number,
        iteration=1,
        loss=loss,
        terms={},
        learning_rate=0.1,
        images=images,
        elapsed_s=elapsed_s,
    )


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], ([], [])),
        ([step(1, 0.5)], ([], [])),
        ([step(1, 0.5), step(2, 1.0), step(3, 3.0)], ([1.0, 3.0], [4.0, 1.0])),
        ([step(1, 1.0), step(11, 3.0)], ([3.0], [10.0])),  # thinned: ten steps lie between
        ([step(1, 1.0), step(2, 1.0)], ([], [])),
    ],
)
def test_rates_are_images_over_seconds(steps: list[StepRecord], expected: tuple[list, list]) -> None:
    assert rates(steps) == expected


def test_many_steps_are_taken_together() -> None:
    times, found = rates([step(number, number / 4) for number in range(1, 601)])
    assert len(times) <= STRETCHES
    assert found == pytest.approx([8.0] * len(found))


def test_scores_have_their_bounds_beside_them() -> None:
    assert score_rows([], ["asr"]) == {"iteration": [], "asr": [], "asr_low": [], "asr_high": []}
    rows = score_rows([(10, {"asr": 0.5}, {"asr": (0.25, 0.75)}), (20, {"asr": 0.6}, {})], ["asr", "ap50"])
    assert (rows["iteration"], rows["asr"], rows["asr_low"]) == ([10, 20], [0.5, 0.6], [0.25, None])
    assert rows["ap50"] == [None, None]


def test_each_score_is_a_band_and_a_line_of_one_colour() -> None:
    spec = score_spec({"asr": "ASR", "ap50": "AP50"}, title="t", x_title="x")
    band, line, *_others, _pointed = spec["layer"]
    assert (band["encoding"]["y"]["field"], band["encoding"]["y2"]["field"]) == ("asr_low", "asr_high")
    assert band["encoding"]["color"] == line["encoding"]["color"]
    assert line["encoding"]["color"]["scale"]["domain"] == ["ASR", "AP50"]
    assert line["encoding"]["y"]["scale"]["domain"] == [0, 1]


def test_throughput_is_drawn_from_zero() -> None:
    assert throughput_rows([]) == {"seconds": [], "rate": []}
    assert throughput_rows([step(1, 1.0), step(2, 2.0)]) == {"seconds": [2.0], "rate": [2.0]}
    spec = throughput_spec(title="images/s", x_title="s")
    assert spec["layer"][0]["encoding"]["y"]["scale"]["zero"] is True
    assert (spec["title"], spec["encoding"]["x"]["title"]) == ("images/s", "s")


@pytest.mark.parametrize(
    ("over", "losses", "places", "smooth"),
    [
        ("steps", [], [], []),
        ("iterations", [], [], []),
        ("steps", [2.0], [1], [2.0]),
        ("steps", [2.0, 2.0, 2.0], [1, 2, 3], [2.0, 2.0, 2.0]),
        ("seconds", [1.0, 0.0], [0.5, 1.0], [1.0, 0.16 / 0.36]),
    ],
)
def test_losses_lie_over_steps_or_seconds(
    over: str, losses: list[float], places: list[float], smooth: list[float]
) -> None:
    steps = [step(number, number / 2, loss=loss) for number, loss in enumerate(losses, start=1)]
    rows = loss_rows(steps, over)
    assert (rows["place"], rows["loss"]) == (places, losses)
    assert rows["smoothed"] == pytest.approx(smooth)


@pytest.mark.parametrize(
    ("iterations", "places"),
    [([1], [1.0]), ([1, 1, 2], [0.5, 1.0, 1.5]), ([1, 1, 2, 2, 2], [0.5, 1.0, 4 / 3, 5 / 3, 2.0])],
)
def test_losses_lie_over_iterations(iterations: list[int], places: list[float]) -> None:
    steps = [
        replace(step(number, 1.0), iteration=iteration)
        for number, iteration in enumerate(iterations, start=1)
    ]
    assert loss_rows(steps)["place"] == pytest.approx(places)


def test_the_smoothed_loss_is_read_and_the_raw_one_pale() -> None:
    spec = loss_spec(title="Loss", x_title="Steps", loss="raw", smooth="smoothed")
    raw, line, pointed = spec["layer"]
    assert (raw["encoding"]["y"]["field"], line["encoding"]["y"]["field"]) == ("loss", "smoothed")
    assert raw["mark"]["strokeWidth"] < line["mark"]["strokeWidth"]
    assert raw["mark"]["opacity"] < 1
    assert [each["title"] for each in pointed["encoding"]["tooltip"]] == ["Steps", "raw", "smoothed"]


@pytest.mark.parametrize("pairs", [[], [("Job 1", 10.0, 12.0), ("Job 2", 100.0, 50.0)]])
def test_estimates_lie_beside_the_line_of_equals(pairs: list[tuple[str, float, float]]) -> None:
    figure = estimates_beside_truth(pairs, title="t", x_title="x", y_title="y", equal="same")
    line, points = figure.data
    assert list(line.x) == list(line.y)
    assert list(points.x) == [estimated for _name, estimated, _actual in pairs]
    assert list(points.y) == [actual for _name, _estimated, actual in pairs]
    assert list(points.text) == [name for name, *_ in pairs]


@pytest.mark.parametrize(
    ("terms", "term", "figures"),
    [
        ([], "", []),
        ([{}, {}], "", [1.0, 1.0]),
        ([{"ap50": 0.5}, {"ap50": float("nan")}, {}], "ap50", [0.5]),
    ],
)
def test_epochs_without_a_number_are_left_out(terms: list[dict], term: str, figures: list[float]) -> None:
    steps = [replace(step(number, 1.0), terms=each) for number, each in enumerate(terms, start=1)]
    rows = epoch_rows(steps, term)
    assert rows["figure"] == figures
    assert rows["place"] == list(range(1, len(figures) + 1))


def test_epochs_are_drawn_from_one_specification() -> None:
    spec = epoch_spec(title="Loss", x_title="Epochs")
    assert (spec["title"], spec["encoding"]["x"]["title"]) == ("Loss", "Epochs")
