# SPDX-License-Identifier: AGPL-3.0-only
"""ART's preprocessors by name."""

from __future__ import annotations

import pytest
from art.defences import preprocessor

from engine.registries import DEFENCES

THEIRS = [kind for kind in DEFENCES.things() if kind.name.startswith("art:")]


def test_one_in_pytorch_is_among_them() -> None:
    assert "art:SpatialSmoothingPyTorch" in [kind.name for kind in THEIRS]


@pytest.mark.parametrize("kind", THEIRS, ids=lambda kind: kind.name)
def test_names_are_arts_own(kind) -> None:
    assert hasattr(preprocessor, kind.name.removeprefix("art:"))
