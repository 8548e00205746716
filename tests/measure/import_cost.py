# SPDX-License-Identifier: AGPL-3.0-only
"""What importing a dataset costs: `python -m tests.measure.import_cost --images 100000`."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import psutil
from PIL import Image

from engine.datasets.sources import read_dataset
from engine.store.repository import Repository

__all__ = ["main", "write_folder"]

_IMAGES_PER_FOLDER = 10_000
_LINKS_PER_FILE = 10_000  # file systems allow some 65,000 hard links to one file


def write_folder(root: Path, images: int, *, boxes: int) -> None:
    """Write a YOLO folder of one small photograph under many names, each with its own label file.

    Args:
        root: an empty folder.
        images: how many images.
        boxes: objects in each label file.
    """
    rng = np.random.default_rng(0)
    pixels = Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8))
    for number in range(images):
        folder = f"{number // _IMAGES_PER_FOLDER:04d}"
        image = root / "images" / folder / f"{number:07d}.jpg"
        if number % _IMAGES_PER_FOLDER == 0:
            image.parent.mkdir(parents=True)
            (root / "labels" / folder).mkdir(parents=True)
        if number % _LINKS_PER_FILE == 0:
            original = image
            pixels.resize((640, 480)).save(image)
        else:
            os.link(original, image)
        lines = [
            f"{number % 80} {x:.6f} {y:.6f} 0.200000 0.300000" for x, y in rng.uniform(0.2, 0.8, (boxes, 2))
        ]
        (root / "labels" / folder / f"{number:07d}.txt").write_text("\n".join(lines) + "\n")


@click.command()
@click.option("--images", default=100_000, show_default=True, help="Label files to write and import.")
@click.option("--boxes", default=7, show_default=True, help="Objects in each, as COCO has on average.")
def main(images: int, boxes: int) -> None:
    """Time reading, storing and loading a generated YOLO folder; print seconds and peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "generated"
        root.mkdir()
        write_folder(root, images, boxes=boxes)
        started, started_cpu = time.perf_counter(), time.process_time()
        dataset = read_dataset(root)
        read = time.perf_counter()
        with Repository(Path(folder) / "patchbench.db") as repository:
            repository.datasets.save(dataset)
            stored, stored_cpu = time.perf_counter(), time.process_time()
            del dataset
            loaded = repository.datasets.load("generated")
            finished = time.perf_counter()
    click.echo(f"images {len(loaded.images)}, boxes {sum(loaded.object_counts())}")
    click.echo(f"read {read - started:.1f} s, store {stored - read:.1f} s, together {stored - started:.1f} s")
    click.echo(f"of that on the processor {stored_cpu - started_cpu:.1f} s")  # the rest waits for other work
    click.echo(f"load {finished - stored:.1f} s")
    click.echo(f"peak memory {_peak_memory_bytes() / 2**20:.0f} MiB, {os.cpu_count()} CPU cores")


def _peak_memory_bytes() -> int:
    """The most memory this process has held; where the system does not keep it, what it holds now."""
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):  # Windows
        return memory.peak_wset
    try:
        import resource  # not on Windows
    except ImportError:
        return memory.rss
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
