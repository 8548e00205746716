# SPDX-License-Identifier: AGPL-3.0-only
"""How much faster several processes compute a run than one: `python -m tests.measure.scaling`.

Runs alternate between one process on one core and torchrun with one process a core, each on the same images
with the same global batch. Printed are the medians, their ratio, and how far the patches differ; then what
more processes would reach by links of published speeds, computed from a step's time and the message's size.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
MANY = (8, 64, 512)
LINKS = {  # bytes a second of one direction as published, and a message's latency in seconds, as is usual
    "Ethernet, 25 Gbit/s": (25e9 / 8, 30e-6),
    "InfiniBand NDR, 400 Gbit/s": (400e9 / 8, 3e-6),
    "NVLink 4, 450 GB/s": (450e9, 2e-6),
}


def speed_of(processes: int, folder: Path, run: list[str]) -> float:
    """Image-iterations a second of a run by so many processes of one core each, left in a folder."""
    python = ["taskset", "-c", "0", sys.executable]
    if processes > 1:
        python = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    command = [*python, "-m", "engine", "--quiet", "patch", "generate", *run, "--out", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return float(json.loads((folder / "run.json").read_text(encoding="utf-8"))["image_iterations_per_s"])


def all_reduce_s(message_bytes: int, processes: int, bytes_per_s: float, latency_s: float) -> float:
    """How long a ring takes to add a message up over processes (Patarasuk and Yuan 2009, section 4)."""
    turns = 2 * (processes - 1)
    return turns * (message_bytes / processes / bytes_per_s + latency_s)


def expected(step_s: float, message_bytes: int) -> list[str]:
    """Lines of a table: each link's efficiency with `MANY` processes that have a batch of this time each."""
    lines = [f"{'link':28} " + " ".join(f"{processes:>6}" for processes in MANY)]
    for name, (bytes_per_s, latency_s) in LINKS.items():
        shares = [
            step_s / (step_s + all_reduce_s(message_bytes, processes, bytes_per_s, latency_s))
            for processes in MANY
        ]
        lines.append(f"{name:28} " + " ".join(f"{share:6.3f}" for share in shares))
    return lines


@click.command()
@click.option("--processes", default=2, help="Of the other side.")
@click.option("--rounds", default=3, help="Runs of each side, alternated.")
@click.option("--batch-size", default=16, help="Images in a batch of all processes together.")
@click.option("--iterations", default=24)
@click.option("--images", default=32)
def main(processes: int, rounds: int, batch_size: int, iterations: int, images: int) -> None:
    """Measure and print."""
    run = ["--dataset", "demo", "--weights", "demo", "--image-size", "384", "--no-evaluate"]
    run += ["--max-images", str(images), "--iterations", str(iterations), "--batch-size", str(batch_size)]
    speeds: dict[int, list[float]] = {1: [], processes: []}
    with TemporaryDirectory() as folder:
        for number in range(rounds):
            for side, found in speeds.items():
                found.append(speed_of(side, Path(folder) / f"{number}-{side}", run))
        patches = [np.load(Path(folder) / f"0-{side}" / "patch.npy") for side in speeds]
    one, several = (median(found) for found in speeds.values())
    click.echo(f"1 process: {one:.2f} image-iterations/s; {processes}: {several:.2f}")
    click.echo(f"efficiency {several / one / processes:.3f} (medians of {rounds} runs a side, alternated)")
    click.echo(f"patches differ by at most {np.abs(patches[0] - patches[1]).max():.1e}")
    for step_s, what in ((batch_size / one, "measured here"), (0.010, "assumed")):
        click.echo(f"computed efficiency, a step of {1000 * step_s:.0f} ms ({what}) in each process:")
        click.echo("\n".join(expected(step_s, patches[0].nbytes)))


if __name__ == "__main__":
    main()
