# SPDX-License-Identifier: AGPL-3.0-only
"""Each suite on a tiny detector: it answers its question from figures that fit together."""

import json

import pytest

from engine.benchmark.suite import SCALES, Scale
from engine.benchmark.suites import SUITES
from engine.errors import SettingsError, StorageError
from engine.jobs.benchmarks import run_suite
from tests.engine.tiny import IMAGE_SIZE

SIDES = {
    "baseline": ["ART, batch 1", "PatchBench, batch 1", "PatchBench, whole images, batch 1"],
    "floor": ["step", "bare pass", "rendering alone", "loading alone", "speed of a step / bare pass"],
    "memory": ["views, batch 1", "whole images, batch 1"],
    "precision": ["fp32, batch 1", "bf16, batch 1"],
    "strength": ["clean, asr", "grey, ap50", "noise, disappearance", "patch, hallucinations_per_image"],
}


@pytest.fixture
def config(settings, monkeypatch):
    monkeypatch.setitem(SCALES, "small", Scale(rounds=2, images=2, seconds=1, batch_sizes=(1,)))
    return settings(image_size=IMAGE_SIZE, view_size=32, batch_size=2)


@pytest.mark.parametrize("name", sorted(SUITES))
def test_a_suite_answers_from_what_it_measured(name, config, tmp_path):
    out, lines = tmp_path / "result.json", []
    result = run_suite(name, config, scale="small", report=lines.append, out=out)
    sides = [row["side"] for row in result["measurements"]]
    assert set(SIDES[name]) <= set(sides)
    defined = [row for row in result["measurements"] if row["value"] is not None]
    assert defined
    assert all(row["low"] <= row["high"] for row in defined)
    assert result["question"] == SUITES[name].question
    assert result["answer"].endswith(".")
    assert json.loads(out.read_text()) == json.loads(json.dumps(result))
    assert lines


def test_rates_and_ratios_of_the_baseline_agree(config):
    rows = {
        row["side"]: row["value"]
        for row in run_suite("baseline", config, scale="small", report=print)["measurements"]
    }
    assert rows["ART, batch 1"] > 0
    expected = rows["PatchBench, batch 1"] / rows["ART, batch 1"]
    assert rows["PatchBench, batch 1 / ART"] == pytest.approx(expected, rel=0.8)


def test_an_unknown_suite_names_those_there_are(config):
    with pytest.raises(SettingsError, match=r"suite: expected one of baseline, floor.*got 'nothing'"):
        run_suite("nothing", config, scale="small", report=print)


def test_a_result_that_cannot_be_written_says_so(config, tmp_path):
    with pytest.raises(StorageError, match="cannot be written"):
        run_suite("floor", config, scale="small", report=print, out=tmp_path / "missing" / "result.json")
