# SPDX-License-Identifier: AGPL-3.0-only
"""Defences by name: what texts mean, their one form, what is refused."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from engine.defences.kinds import Defence, DefenceKind, changing, defended, normal_form
from engine.errors import SettingsError
from engine.registries import DEFENCES
from engine.settings import Settings, declared, setting
from tests.fakes import FakeDetector


@dataclass(frozen=True, kw_only=True)
class Brightness(Settings):
    by: float = setting(0.5, "By", "How much.", bounds=(-1, 1))
    dry: bool = setting(False, "Dry", "Nothing happens.")
    mark: str = setting("", "Mark", "A text.")


BRIGHTER = DefenceKind(
    name="lab:brighter",
    help="Add to all colours.",
    settings=Brightness,
    apply=changing("lab:brighter", lambda settings: lambda images: (images + settings.by).clamp(0, 1)),
)


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        ([], ()),
        (["none"], ()),
        (["bit-depth"], ("bit-depth",)),
        (["bit-depth:bits=4"], ("bit-depth",)),
        (["bit-depth:3"], ("bit-depth:bits=3",)),
        ([" bit-depth : bits = 3 ", "jpeg"], ("bit-depth:bits=3", "jpeg")),
        (["jpeg", "jpeg"], ("jpeg", "jpeg")),
        (["gaussian:2.0"], ("gaussian:sigma=2",)),
        (["gaussian:0.75"], ("gaussian:sigma=0.75",)),
        (["lab:brighter"], ("lab:brighter",)),
        (["lab:brighter:0.25:dry=true:mark=x"], ("lab:brighter:by=0.25:dry=true:mark=x",)),
    ],
)
def test_a_chain_has_one_form_which_reads_as_itself(texts: list[str], form: tuple[str, ...]) -> None:
    with DEFENCES.having(BRIGHTER):
        assert normal_form(texts) == form
        assert normal_form(form) == form


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "defence: expected one of "),
        ("jpg", "got 'jpg'"),
        ("art:Nothing", "got 'art:Nothing'"),
        ("jpg:quality=3", "got 'jpg:quality=3'"),
        ("jpeg:quality=0", "defence jpeg: quality: expected 1 to 100, got 0"),
        ("jpeg:quality=101", "expected 1 to 100, got 101"),
        ("jpeg:quality=", "defence jpeg: quality: expected a whole number, got ''"),
        ("jpeg:quality=1.5", "expected a whole number, got '1.5'"),
        ("jpeg:speed=3", "defence jpeg: expected quality, each once, got 'speed=3'"),
        ("jpeg:75:quality=75", "expected quality, each once, got 'quality=75'"),
        ("gaussian:sigma=wide", "sigma: expected a number, got 'wide'"),
        ("gaussian:sigma=nan", "sigma: expected 0.1 to 10, got nan"),
        ("median:4", "size: expected 3 or 5, got 4"),
        ("lgs:window=10:overlap=10", "overlap: expected less than the window size of 10, got 10"),
        ("lab:brighter:dry=yes", "dry: expected true or false, got 'yes'"),
    ],
)
def test_what_is_none_is_refused_in_one_line(text: str, message: str) -> None:
    with DEFENCES.having(BRIGHTER), pytest.raises(SettingsError) as caught:
        Defence.parse(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_first_of_a_chain_sees_the_image_first() -> None:
    seen: list[float] = []

    class Watching(FakeDetector):
        def detect(self, images_nchw: torch.Tensor, **limits: float) -> list:
            seen.append(images_nchw.mean().item())
            return []

    with DEFENCES.having(BRIGHTER):
        images = torch.full((1, 3, 8, 8), 0.75)
        defended(Watching(), ["lab:brighter:0.5", "lab:brighter:-0.5"]).detect(images)
        defended(Watching(), ["lab:brighter:-0.5", "lab:brighter:0.5"]).detect(images)
    assert seen == [0.5, 0.75]


@pytest.mark.parametrize("kind", DEFENCES.things(), ids=lambda kind: kind.name)
def test_a_kind_says_what_it_does_and_its_settings_what_they_mean(kind: DefenceKind) -> None:
    assert kind.help.endswith(".")
    assert not kind.source.endswith(".")
    assert all(each.help.endswith(".") and each.label for each in declared(kind.settings).values())
    assert kind.settings() == Defence.parse(kind.name).settings
