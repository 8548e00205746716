# SPDX-License-Identifier: AGPL-3.0-only
"""Imports Ultralytics without network access and without writing outside our own home.

All imports of Ultralytics go through this module, because it reads its settings from the environment at the
first import.
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
    "RTDETRDecoder",
    "RTDETRDetectionModel",
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
    """Redirect Ultralytics' settings to our home, disable network and installs, and undo its patches."""
    settings = home_folder() / "ultralytics"
    with suppress(OSError):  # an unwritable home is reported where it is needed
        settings.mkdir(parents=True, exist_ok=True)  # some versions fall back to /tmp if it is missing
    os.environ["YOLO_CONFIG_DIR"] = str(settings)
    os.environ["YOLO_OFFLINE"] = "true"  # no requests to its servers, no retries
    os.environ["YOLO_AUTOINSTALL"] = "false"  # no pip install at run time
    os.environ.setdefault("YOLO_VERBOSE", "false")
    threads, open_image = os.environ.get("OMP_NUM_THREADS"), Image.open
    # Where torchrun has set it, the import would wait for the other processes, which import at other times.
    processes = os.environ.pop("WORLD_SIZE", None)
    try:
        yield
    finally:
        if processes is not None:
            os.environ["WORLD_SIZE"] = processes
        Image.open = open_image  # Ultralytics' replacement tries to install packages for a damaged file
        if threads is None:  # child processes would inherit Ultralytics' value
            os.environ.pop("OMP_NUM_THREADS", None)


class _Later(ModuleType):
    """A stand-in from which functions of a PyTorch module can be imported; calling one loads the module."""

    __path__: list[str] = []  # noqa: RUF012  # as a package has

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **options: getattr(import_module(self.__name__), name)(
            *arguments, **options
        )


@contextmanager
def without_compiler() -> Iterator[None]:
    """A context in which imports do not load PyTorch's compiler, which takes over two seconds, until used."""
    names = [name for name in ("torch._dynamo", "torch._dynamo.utils") if name not in sys.modules]
    sys.modules.update({name: _Later(name) for name in names})
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


with without_compiler():  # torchvision only needs it when RoI align runs
    import torchvision  # noqa: F401  # Ultralytics' NMS uses torchvision's only if it is already imported

with quiet_environment():
    from ultralytics.cfg import DEFAULT_CFG_DICT
    from ultralytics.nn.modules.block import C2fAttn, ImagePoolingAttn
    from ultralytics.nn.modules.head import Detect, RTDETRDecoder, WorldDetect, YOLOEDetect
    from ultralytics.nn.tasks import DetectionModel, PoseModel, RTDETRDetectionModel, SegmentationModel
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
