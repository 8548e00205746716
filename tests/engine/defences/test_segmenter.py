# SPDX-License-Identifier: AGPL-3.0-only
"""The defence that a trained network makes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.defences.kinds import Defence, defended, files_of, normal_form
from engine.defences.patch_finder import PatchFinder, as_saved, save_finder
from engine.errors import DetectorError, SettingsError
from tests.fakes import FakeDetector


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_finder(path, as_saved(PatchFinder()), {})
    return path


def test_without_weights_it_says_how_to_train_one() -> None:
    with pytest.raises(SettingsError) as raised:
        defended(FakeDetector(), ["segmenter"])
    assert str(raised.value) == (
        "defence segmenter: expected weights=FILE, got none; train one: "
        "python -m engine defence train --dataset D --class C --out DIR"
    )


def test_it_stands_before_a_detector(weights: Path) -> None:
    behind = defended(FakeDetector(), [f"segmenter:weights={weights}:threshold=0.4"])
    seen = torch.rand(2, 3, 64, 64).requires_grad_(True)
    behind.candidates(seen, 0).logits.sum().backward()
    assert seen.grad is not None
    assert seen.grad.isfinite().all()
    assert len(behind.detect(seen.detach())) == 2
    assert behind.checksum() == FakeDetector().checksum()


def test_its_file_is_named_by_its_absolute_path(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(weights.parent)
    assert normal_form(["segmenter:weights.safetensors"]) == (f"segmenter:weights={weights}",)
    assert str(Defence.parse("segmenter")) == "segmenter"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("segmenter:threshold=2", "threshold: expected 0 to 1, got 2"),
        ("segmenter:threshold=much", "threshold: expected a number, got 'much'"),
        ("segmenter:size=3", "expected weights, threshold, each once, got 'size=3'"),
    ],
)
def test_bad_settings_are_one_line(text: str, error: str) -> None:
    with pytest.raises(SettingsError, match=error):
        Defence.parse(text)


def test_a_file_that_is_gone_is_told_when_it_is_needed(tmp_path: Path) -> None:
    named = f"segmenter:weights={tmp_path / 'gone.safetensors'}"
    Defence.parse(named)  # records of old runs stay readable
    with pytest.raises(DetectorError, match="No such file"):
        defended(FakeDetector(), [named])


def test_its_file_is_among_those_of_a_chain(weights: Path) -> None:
    assert files_of([]) == ()
    assert files_of(["median", f"segmenter:weights={weights}", "segmenter"]) == (weights,)
