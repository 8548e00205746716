# SPDX-License-Identifier: AGPL-3.0-only
"""Makes plain detection heads of those that score classes against texts, and tries a head on its features.

YOLO-World and YOLOE compare each point's features with one vector a class. Once the classes are fixed, that
is a 1 x 1 convolution, so the rest of the adapter needs to know nothing of texts.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.detectors.ultralytics_quiet import C2fAttn, ImagePoolingAttn, WorldDetect, YOLOEDetect
from engine.errors import DetectorError

__all__ = ["body_features", "make_plain", "try_on_meta"]

TRIAL_SIDE_PX = 256
MAX_TRIAL_NUMBERS = 2**28  # a layer's output for such an image; the largest detectors' stay below 2**23


class _Normalize(nn.Module):
    """Scales each point's features (n, c, h, w) to length 1, as Ultralytics' `ContrastiveHead`."""

    def forward(self, x: Tensor) -> Tensor:
        """The scaled features, of the same shape."""
        return F.normalize(x, dim=1, p=2)


def make_plain(model: Any) -> None:
    """Fold the classes' vectors into the class layers of a YOLO-World or YOLOE head; others stay as they are.

    Args:
        model: an Ultralytics model in float32, changed in place; its head's `cv2` and `cv3` then end in one
            convolution each, with `nc` outputs in `cv3`.

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
    """The prompt-free head: its filter of proposals is left out, as in Ultralytics' own exports."""
    for boxes, classes, layer in zip(head.cv2, head.cv3, head.lrpc, strict=True):
        boxes.append(layer.loc)
        vocabulary = layer.vocab
        weight, bias = vocabulary.weight, vocabulary.bias
        classes.append(_convolution(weight.reshape(len(weight), -1), bias))
    head.nc = head.cv3[0][-1].out_channels
    del head.lrpc


def _fold_texts(model: Any, head: Any) -> None:
    """The head with texts: class layers, normalization, then the texts as a convolution's weights."""
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
    """The head's inputs, one a level, as Ultralytics' `_predict_once` computes them.

    Args:
        model: an Ultralytics model; one of YOLO-World lets its texts meet the image on the way.
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


def try_on_meta(model: Any, channels: int, branches: dict[str, tuple[nn.ModuleList, nn.ModuleList]]) -> None:
    """Follow an image's shape through the model, computing nothing, and compare what comes out.

    Args:
        model: an Ultralytics model on any device; it is copied without its weights.
        channels: of the images.
        branches: the box and class layers of each of the head's branches.

    Raises:
        DetectorError: the layers do not fit each other, or what the head says of itself.
    """
    head = model.model[-1]
    strides = [int(stride) for stride in head.stride.tolist()]
    side = max(TRIAL_SIDE_PX, 2 * max(strides, default=0))
    if not strides or min(strides) < 1 or max(strides) > 512 or len(strides) != head.nl:
        raise DetectorError(f"expected strides from 1 to 512 pixels, got {strides[:8]}; export it again")
    held = [*model.parameters(), *model.buffers()]
    trial, trial_branches = copy.deepcopy((model, branches), {id(t): _on_meta(t) for t in held})
    trial.to("meta")
    if isinstance(getattr(trial, "txt_feats", None), Tensor):
        trial.txt_feats = trial.txt_feats.to("meta")
    for name, layer in trial.named_modules():
        layer.register_forward_hook(lambda _, __, output, name=name: _require_small(name, output))
    features = body_features(trial, torch.empty(1, channels, side, side, device="meta"))
    expected = {"boxes": 4 * head.reg_max, "classes": head.nc}
    for pair in trial_branches.values():
        for (kind, outputs), layers in zip(expected.items(), pair, strict=True):
            shapes = [tuple(layer(x).shape[1:]) for layer, x in zip(layers, features, strict=True)]
            wanted = [(outputs, side // stride, side // stride) for stride in strides]
            if shapes != wanted:
                raise DetectorError(
                    f"expected a head with {kind} of the shapes {wanted}, got {shapes}; export it again"
                )


def _on_meta(tensor: Tensor) -> Tensor:
    bare = tensor.detach().to("meta")
    return nn.Parameter(bare, requires_grad=False) if isinstance(tensor, nn.Parameter) else bare


def _require_small(name: str, output: Any) -> None:
    """Refuse a layer whose output would fill the memory."""
    for tensor in output if isinstance(output, list | tuple) else [output]:
        if isinstance(tensor, Tensor) and tensor.numel() > MAX_TRIAL_NUMBERS:
            raise DetectorError(
                f"expected layers that shrink an image, got {name} with {tensor.numel():.1e} numbers "
                f"for one of {TRIAL_SIDE_PX} pixels; export it again"
            )
