# SPDX-License-Identifier: AGPL-3.0-only
"""What a term says of itself, and a term from outside."""

from __future__ import annotations

import pytest
import torch

from engine.errors import SettingsError
from engine.patch.losses.terms import NEEDS, LossTerm, at_least_fp32
from engine.registries import LOSSES
from tests.engine.patch.factories import begin, photographs, settings

DARKNESS = LossTerm(
    name="darkness",
    label="Weight: darkness",
    help="Darkens the patch.",
    needs="patch",
    value=lambda given: given.patch_chw.mean(),
)


@pytest.mark.parametrize("term", LOSSES.things(), ids=lambda term: term.name)
def test_every_term_describes_itself(term):
    assert term.needs in NEEDS
    assert term.label.startswith("Weight: ")
    assert term.help.endswith(".")


def test_a_term_from_outside_is_a_loss_like_any_other(tmp_path):
    with pytest.raises(SettingsError, match=r"loss: expected one of .*, got 'darkness'"):
        settings(losses={"darkness": 1.0})
    with LOSSES.having(DARKNESS):
        config = settings(losses={"object": 0.1, "darkness": 1.0}, batch_size=4, iterations=2)
        run = begin(photographs(tmp_path, [1, 2]), config)
        history = list(run.iterate())
    assert [list(record.terms) for record in history] == [["object", "darkness"]] * 2
    assert history[0].terms["darkness"] == pytest.approx(0.5)
    assert history[1].terms["darkness"] < 0.5


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_half_precision_is_widened(dtype, expected):
    assert at_least_fp32(torch.ones(2, dtype=dtype)).dtype == expected
