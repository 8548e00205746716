# SPDX-License-Identifier: AGPL-3.0-only
"""ART's own preprocessors as steps between image and detector, driven as its users drive them."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.baselines.art_home import home_elsewhere
from engine.defences.defended import Step, chance_of, straight_through
from engine.errors import SettingsError

with home_elsewhere():
    from art.defences import preprocessor
    from art.defences.preprocessor.preprocessor import Preprocessor, PreprocessorPyTorch

_ONE_AT_A_TIME = threading.Lock()  # ART's random preprocessors draw from numpy's global generator


def art_step(name: str, settings: Mapping[str, Any], *, random: bool, channels_first: bool) -> Step:
    """A step that runs one of ART's preprocessors.

    ART's own gradient is taken where it is written in PyTorch, else the gradient passes straight through, as
    ART's `estimate_gradient` has it for those.

    Args:
        name: of the class in `art.defences.preprocessor`.
        settings: its arguments by name.
        random: whether it draws: then numpy's global generator is seeded by each image.
        channels_first: whether it takes (n, 3, h, w) rather than (n, h, w, 3).

    Raises:
        SettingsError: it needs a library that is not installed, or refuses a setting.
    """
    made = _made(name, settings, channels_first)

    def step(images_nchw: Tensor) -> Tensor:
        if isinstance(made, PreprocessorPyTorch):
            return made.forward(images_nchw)[0]
        pixels = images_nchw.detach().cpu().float()
        changed = _randomly(made, pixels, channels_first) if random else _run(made, pixels, channels_first)
        return straight_through(changed.to(images_nchw), images_nchw)

    return step


def _made(name: str, settings: Mapping[str, Any], channels_first: bool) -> Preprocessor:
    kind = getattr(preprocessor, name)
    known = inspect.signature(kind).parameters
    # Augmentation would add changed images to a training set instead of changing them.
    given = {"clip_values": (0.0, 1.0), "apply_predict": True, "augmentation": False, **settings}
    given |= {"channels_first": True} if channels_first else {}
    given |= {"device_type": "gpu"} if issubclass(kind, PreprocessorPyTorch) else {}
    try:
        return kind(**{key: value for key, value in given.items() if key in known})
    except ImportError as error:
        raise SettingsError(
            f"defence art:{name}: expected the package {error.name}, got none; run: pip install {error.name}"
        ) from error
    except ValueError as error:
        raise SettingsError(
            f"defence art:{name}: expected settings that ART accepts, got: {error}"
        ) from error


def _run(made: Preprocessor, images_nchw: Tensor, channels_first: bool) -> Tensor:
    """What the preprocessor makes of images on the CPU."""
    if channels_first:
        return torch.from_numpy(np.array(made(images_nchw.numpy())[0]))
    pixels = np.ascontiguousarray(images_nchw.permute(0, 2, 3, 1).numpy())
    changed, _ = made(pixels)
    return torch.from_numpy(np.array(changed)).permute(0, 3, 1, 2)


def _randomly(made: Preprocessor, images_nchw: Tensor, channels_first: bool) -> Tensor:
    """Likewise image by image, each with chance of its own; the global generator goes on as if untouched."""
    changed = []
    with _ONE_AT_A_TIME:
        state = np.random.get_state()  # noqa: NPY002
        try:
            for image in images_nchw:
                np.random.seed(chance_of(image).initial_seed() % 2**32)  # noqa: NPY002
                changed.append(_run(made, image[None], channels_first))
        finally:
            np.random.set_state(state)  # noqa: NPY002
    return torch.cat(changed)
