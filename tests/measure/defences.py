# SPDX-License-Identifier: AGPL-3.0-only
"""What each defence costs, in milliseconds an image of one thread: `python -m tests.measure.defences`."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from engine.cli.output import print_table
from engine.defences.defended import Defended
from engine.defences.kinds import defended
from engine.errors import SettingsError
from engine.registries import DEFENCES
from tests.fakes import FakeDetector

SIDES = (384, 640)
ROUNDS = 5


def _milliseconds(work: Callable[[], object]) -> float:
    """The processor's time, so that other processes do not count."""
    work()
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return 1000 * median(times)


def _costs(detector: Defended, image: Tensor) -> tuple[float, float]:
    """Of the step alone, and with its gradient."""

    def with_gradient() -> None:
        given = image.clone().requires_grad_()
        torch.autograd.grad(detector.changed(given).sum(), given)

    return _milliseconds(lambda: detector.changed(image)), _milliseconds(with_gradient)


def main() -> None:
    """Print a row for each defence."""
    torch.set_num_threads(1)
    rows = []
    for kind in DEFENCES.things():
        try:
            detector = defended(FakeDetector(), [kind.name])
        except SettingsError as error:
            print(error)
            continue
        if not isinstance(detector, Defended):
            continue
        generator = torch.Generator().manual_seed(0)
        images = [torch.rand(1, 3, side, side, generator=generator) for side in SIDES]
        costs = [cost for image in images for cost in _costs(detector, image)]
        rows.append([kind.name, *(f"{cost:.1f}" for cost in costs)])
    titles = [title for side in SIDES for title in (f"{side} px", f"{side} px with gradient")]
    print_table(["ms per image", *titles], rows)


if __name__ == "__main__":
    main()
