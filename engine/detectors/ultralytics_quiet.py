# SPDX-License-Identifier: AGPL-3.0-only
"""Ultralytics, imported so that nothing leaves the machine and nothing is written outside our own home.

Import whatever is needed of Ultralytics through this module: its settings are read from the environment
while it is imported, so the environment must be right before the first import.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType
from typing import Any

import torch  # noqa: F401  # before Ultralytics, which sets OMP_NUM_THREADS=1 and would cost torch its threads
from PIL import Image

from engine.config import home_folder

__all__ = [
    "DEFAULT_CFG_DICT",
    "GITHUB_ASSETS_NAMES",
    "ROOT",
    "C2fAttn",
    "Detect",
    "DetectionModel",
    "E2ELoss",
    "ImagePoolingAttn",
    "IterableSimpleNamespace",
    "PoseModel",
    "SegmentationModel",
    "WorldDetect",
    "YOLOEDetect",
    "attempt_download_asset",
    "dist2bbox",
    "make_anchors",
    "make_divisible",
    "non_max_suppression",
    "quiet_environment",
    "safe_download",
    "without_compiler",
]


@contextmanager
def quiet_environment() -> Iterator[None]:
    """Point Ultralytics' settings into our home, switch network and installs off, keep what it replaces."""
    settings = home_folder() / "ultralytics"
    with suppress(OSError):  # a home that cannot be written is told where it is needed
        settings.mkdir(parents=True, exist_ok=True)  # some versions turn to /tmp where it is missing
    os.environ["YOLO_CONFIG_DIR"] = str(settings)
    os.environ["YOLO_OFFLINE"] = "true"  # no look-up of its servers, no retries
    os.environ["YOLO_AUTOINSTALL"] = "false"  # never pip install at run time
    os.environ.setdefault("YOLO_VERBOSE", "false")
    threads, open_image = os.environ.get("OMP_NUM_THREADS"), Image.open
    try:
        yield
    finally:
        Image.open = open_image  # Ultralytics' own tries to install packages on a damaged file
        if threads is None:  # what Ultralytics set would be inherited by every process we start
            os.environ.pop("OMP_NUM_THREADS", None)


class _Later(ModuleType):
    """Stands for a module of PyTorch while another imports functions from it; loads it when one is called."""

    __path__: list[str] = []  # noqa: RUF012  # as a package has

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **options: getattr(import_module(self.__name__), name)(
            *arguments, **options
        )


@contextmanager
def without_compiler() -> Iterator[None]:
    """Imports within do not load PyTorch's compiler, which takes two seconds or more, until they call it."""
    names = [name for name in ("torch._dynamo", "torch._dynamo.utils") if name not in sys.modules]
    sys.modules.update({name: _Later(name) for name in names})
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


with without_compiler():  # torchvision asks it one question, when RoI align runs
    import torchvision  # noqa: F401  # Ultralytics' NMS uses torchvision's only when it is already imported

with quiet_environment():
    from ultralytics.cfg import DEFAULT_CFG_DICT
    from ultralytics.nn.modules.block import C2fAttn, ImagePoolingAttn
    from ultralytics.nn.modules.head import Detect, WorldDetect, YOLOEDetect
    from ultralytics.nn.tasks import DetectionModel, PoseModel, SegmentationModel
    from ultralytics.utils import ROOT, SETTINGS, IterableSimpleNamespace
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES, attempt_download_asset, safe_download
    from ultralytics.utils.loss import E2ELoss
    from ultralytics.utils.nms import non_max_suppression
    from ultralytics.utils.ops import make_divisible
    from ultralytics.utils.tal import dist2bbox, make_anchors

# In memory only: two processes that write the settings file at once would leave it truncated.
dict.update(
    SETTINGS, {name: False for name, value in SETTINGS.items() if value is True}
)  # integrations, sync
dict.update(
    SETTINGS,
    datasets_dir=str(home_folder() / "datasets"),
    weights_dir=str(home_folder() / "weights"),
    runs_dir=str(home_folder() / "ultralytics" / "runs"),
)
