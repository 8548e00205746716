# SPDX-License-Identifier: AGPL-3.0-only
"""A weight file and a dataset so small that a whole run on them takes a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from engine.detectors.ultralytics_quiet import DetectionModel

CLASSES = ("person", "car")
IMAGE_SIZE = 64
# What run.json names, whatever was run.
RUN_KEYS = {
    "patch",
    "elapsed_s",
    "image_iterations",
    "image_iterations_per_s",
    "peak_memory_bytes",
    "device",
    "precision",
    "batch_size",
    "batching",
}
# Objects of each image: (class id, centre x, centre y, width, height) as shares of the image.
OBJECTS = (
    ((0, 0.5, 0.5, 0.5, 0.8),),
    ((0, 0.3, 0.5, 0.4, 0.6), (0, 0.75, 0.5, 0.4, 0.6)),
    ((0, 0.6, 0.4, 0.6, 0.6), (1, 0.2, 0.8, 0.3, 0.3)),
    ((0, 0.3, 0.4, 0.4, 0.5), (0, 0.7, 0.6, 0.5, 0.6)),
    ((0, 0.5, 0.6, 0.7, 0.7),),
    (),
)
# Five convolutions with a real YOLOv8 head on the last three: all that an adapter can ask for.
LAYOUT = {
    "nc": len(CLASSES),
    "yaml_file": "yolov8-tiny.yaml",
    "backbone": [[-1, 1, "Conv", [8, 3, 2]], *([[-1, 1, "Conv", [16, 3, 2]]] * 4)],
    "head": [[[2, 3, 4], 1, "Detect", ["nc"]]],
}


def write_weights(
    path: Path, seed: int = 1, *, blind: bool = False, classes: tuple[str, str] = CLASSES
) -> Path:
    """A checkpoint as Ultralytics writes it, its weights random; it finds objects, or if blind none."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = DetectionModel(LAYOUT, nc=len(CLASSES), verbose=False)
        norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1.0
        with torch.no_grad():
            model.train()(torch.rand(8, 3, IMAGE_SIZE, IMAGE_SIZE))
        for sides, scores in zip(model.model[-1].cv2, model.model[-1].cv3, strict=True):
            sides[-1].bias.data.view(4, -1)[:, 2] += 4  # boxes of about four strides: objects are as large
            scores[-1].weight.data *= 3
            scores[-1].bias.data.fill_(-30 if blind else -1)
    model.names = dict(enumerate(classes))
    torch.save({"model": model.eval()}, path)
    return path


def write_dataset(folder: Path) -> Path:
    """A YOLO folder with a data file: pictures of coloured blocks, one of them without objects."""
    colours = np.random.default_rng(0)
    for number, objects in enumerate(OBJECTS):
        width, height = (80, 64) if number % 2 else (64, 72)
        blocks = colours.integers(0, 255, (9, 9, 3), dtype=np.uint8)
        image = folder / "images" / f"{number}.png"
        label = folder / "labels" / f"{number}.txt"
        for path in (image, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST).save(image)
        label.write_text("".join(" ".join(map(str, each)) + "\n" for each in objects))
    names = "".join(f"  {index}: {name}\n" for index, name in enumerate(CLASSES))
    (folder / "data.yaml").write_text(f"path: .\ntrain: images\nnames:\n{names}")
    return folder
