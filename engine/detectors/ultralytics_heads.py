# SPDX-License-Identifier: AGPL-3.0-only
"""Converts detection heads that score classes against texts to plain ones, and tests heads on an image.

YOLO-World and YOLOE compare each point's features with one vector per class. With fixed classes this is a
1 x 1 convolution, and the rest of the adapter does not depend on texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.detectors.ultralytics_quiet import C2fAttn, ImagePoolingAttn, WorldDetect, YOLOEDetect
from engine.errors import DetectorError
from engine.excerpts import short_repr

_LARGEST = {
    "kernel_size": 64,
    "padding": 64,
    "stride": 64,
    "dilation": 64,
    "output_size": 64,
    "scale_factor": 4,
}
_MAX_OUTPUT = (
    2**24
)  # numbers that a layer gives for the trial's image; the largest detectors stay below 2**20


class _Normalize(nn.Module):
    """Scales each point's features (n, c, h, w) to length 1, like Ultralytics' `ContrastiveHead`."""

    def forward(self, x: Tensor) -> Tensor:
        """The scaled features, of the same shape."""
        return F.normalize(x, dim=1, p=2)


def make_plain(model: Any) -> None:
    """Fold the classes' vectors into the class layers of a YOLO-World or YOLOE head; others are unchanged.

    Args:
        model: an Ultralytics model in float32, changed in place; afterwards its head's `cv2` and `cv3` end in
            one convolution each, with `nc` outputs in `cv3`.

    Raises:
        DetectorError: the classes were never set.
    """
    head = model.model[-1]
    if not isinstance(head, WorldDetect | YOLOEDetect):
        return
    if hasattr(head, "lrpc"):
        _fold_vocabulary(head)
    elif not getattr(head, "is_fused", False):
        _fold_texts(model, head)


def _fold_vocabulary(head: Any) -> None:
    """Convert a prompt-free head, without its filter of proposals, as in Ultralytics' own exports."""
    for boxes, classes, layer in zip(head.cv2, head.cv3, head.lrpc, strict=True):
        boxes.append(layer.loc)
        vocabulary = layer.vocab
        weight, bias = vocabulary.weight, vocabulary.bias
        classes.append(_convolution(weight.reshape(len(weight), -1), bias))
    head.nc = head.cv3[0][-1].out_channels
    del head.lrpc


def _fold_texts(model: Any, head: Any) -> None:
    """Convert a head with texts to class layers, normalization, and a convolution by the texts' vectors."""
    texts = getattr(model, "txt_feats" if isinstance(head, WorldDetect) else "pe", None)
    if not isinstance(texts, Tensor) or texts.dim() != 3:
        raise DetectorError(
            "expected a YOLO-World or YOLOE model with classes, got one without; "
            "call model.set_classes([...]) in Ultralytics and save it again"
        )
    vectors = F.normalize(texts[0].detach().float(), dim=-1, p=2)
    for prefix in ("", "one2one_"):
        layers = getattr(head, f"{prefix}cv3", None)
        for classes, contrast in zip(layers or (), getattr(head, f"{prefix}cv4", None) or (), strict=True):
            scale, bias = contrast.logit_scale.detach().exp(), contrast.bias.detach()
            classes.append(contrast.norm if hasattr(contrast, "norm") else _Normalize())
            classes.append(_convolution(vectors * scale, bias.expand(len(vectors))))
    head.nc = len(vectors)


def _convolution(weight: Tensor, bias: Tensor) -> nn.Conv2d:
    """A 1 x 1 convolution with these weights (classes, channels) and biases (classes,)."""
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], 1)
    layer.weight.data = weight.detach().float()[..., None, None].clone()
    layer.bias = nn.Parameter(bias.detach().float().clone())
    return layer


def body_features(model: Any, images_nchw: Tensor) -> list[Tensor]:
    """The head's inputs, one per level, like Ultralytics' `_predict_once`.

    Args:
        model: an Ultralytics model; YOLO-World combines texts with the image in its body.
        images_nchw: float (n, c, h, w), 0 to 1, on the model's device.
    """
    x: Any = images_nchw
    texts = getattr(model, "txt_feats", None)
    if texts is not None:
        texts = texts.to(x).expand(len(x), -1, -1)
    saved: list[Any] = []
    for layer in model.model[:-1]:
        x = _inputs(layer.f, x, saved)
        if isinstance(layer, ImagePoolingAttn):
            texts = layer(x, texts)
        else:
            x = layer(x, texts) if isinstance(layer, C2fAttn) else layer(x)
        saved.append(x if layer.i in model.save else None)
    return _inputs(model.model[-1].f, x, saved)


def _inputs(source: int | list[int], previous: Any, saved: list[Any]) -> Any:
    """A layer's inputs: the previous output (-1), an earlier one, or a list of both."""
    if isinstance(source, int):
        return previous if source == -1 else saved[source]
    return [previous if index == -1 else saved[index] for index in source]


@torch.no_grad()
def try_out(model: Any, channels: int, branches: dict[str, tuple[nn.ModuleList, nn.ModuleList]]) -> None:
    """Run the model on a small image, and compare the output with the attributes of the head.

    A file could state any number of classes, or have layers that exhaust the memory.

    Args:
        model: an Ultralytics model in float32 on the CPU.
        channels: of the images.
        branches: box and class layers of each branch of the head.

    Raises:
        DetectorError: a layer's settings or output are too large, or the layers do not match the head.
    """
    head = model.model[-1]
    strides = [int(stride) for stride in head.stride.tolist()]
    if not strides or min(strides) < 1 or max(strides) > 512 or len(strides) != head.nl:
        raise DetectorError(
            f"expected strides from 1 to 512 pixels, got {short_repr(strides)}; export it again"
        )
    side = 2 * max(strides)
    with guarded(model):
        features = body_features(model, torch.zeros(1, channels, side, side))
        outputs = [[_shapes(layers, features) for layers in pair] for pair in branches.values()]
    grids = [(side // stride, side // stride) for stride in strides]
    expected = [[(count, *grid) for grid in grids] for count in (4 * head.reg_max, head.nc)]
    for shapes in outputs:
        if shapes != expected:
            raise DetectorError(
                f"expected boxes and classes of the shapes {short_repr(expected)}, got {short_repr(shapes)}; "
                "export it again"
            )


@contextmanager
def guarded(model: nn.Module) -> Iterator[None]:
    """A context in which the model may be tried on a small image.

    Raises:
        DetectorError: a layer's settings or output are too large.
    """
    for name, layer in model.named_modules():
        _require_moderate(name, layer)
    hooks = [
        layer.register_forward_hook(lambda _, __, output, name=name: _require_small(name, output))
        for name, layer in model.named_modules()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _shapes(layers: nn.ModuleList, features: list[Tensor]) -> list[tuple[int, ...]]:
    return [tuple(layer(x).shape[1:]) for layer, x in zip(layers, features, strict=True)]


def _require_moderate(name: str, layer: nn.Module) -> None:
    """Reject settings with which a layer could need any amount of memory or time."""
    for setting, largest in _LARGEST.items():
        value = vars(layer).get(setting)
        for number in value if isinstance(value, list | tuple) else [value]:
            if isinstance(number, int | float) and not 0 <= number <= largest:
                raise DetectorError(
                    f"expected a {setting} from 0 to {largest}, got {short_repr(number)} in {name}; "
                    "export it again"
                )


def _require_small(name: str, output: Any) -> None:
    """Reject a layer whose output would exhaust the memory for an image of usual size."""
    for tensor in output if isinstance(output, list | tuple) else [output]:
        if isinstance(tensor, Tensor) and tensor.numel() > _MAX_OUTPUT:
            raise DetectorError(
                f"expected layers that shrink an image, got {name} with {tensor.numel():.1e} numbers; "
                "export it again"
            )
