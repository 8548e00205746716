# SPDX-License-Identifier: AGPL-3.0-only
"""Opens state dicts, weights by name without a model, running nothing in their files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.detectors.checkpoint_model import ModelBuilder, kind_of
from engine.detectors.checkpoint_rules import check_tree
from engine.detectors.checkpoints import open_weights, safe_tensors
from engine.detectors.pickle_tree import Call, Node, Pairs, read_pickles
from engine.detectors.weight_archive import STATE_DICTS, WeightArchive, model_node
from engine.detectors.weight_facts import WeightFacts, facts_of_safetensors, facts_of_tree
from engine.detectors.weight_files import TORCH_ZIP, is_safetensors
from engine.detectors.weight_sequence import WeightSequence
from engine.errors import DetectorError

_NO_STATE_DICT = (
    "expected a state dict, on its own or as model, state_dict or ema of a dict, got {}; "
    "save it with torch.save(model.state_dict(), …)"
)


@dataclass(frozen=True, kw_only=True)
class StateDict:
    """A state dict and what its file says of it.

    Attributes:
        weights: name → tensor on the CPU, as saved.
        facts: shapes, architecture and classes.
    """

    weights: Mapping[str, Tensor]
    facts: WeightFacts


def load_state_dict(path: Path, *, trust: bool = False) -> StateDict:
    """Load a state dict from a file of torch.save, of any version, or of safetensors.

    Args:
        path: the weight file.
        trust: see `engine.detectors.checkpoints.load_checkpoint`.

    Raises:
        DetectorError, UntrustedWeightsError: see `engine.detectors.checkpoints.load_checkpoint`.
    """
    return open_weights(path, _parsed, _of_content, trust=trust)


def _parsed(data: bytes) -> StateDict:
    if is_safetensors(data):
        return StateDict(weights=safe_tensors(data), facts=facts_of_safetensors(data))
    if data.startswith(TORCH_ZIP):
        archive = WeightArchive(io.BytesIO(data))
        (root,), storage = read_pickles(archive.pickle), archive.storage
    else:
        sequence = WeightSequence(data)
        root, storage = sequence.root, sequence.storage
    check_tree(root)
    weights = ModelBuilder(storage, most_bytes=4 * len(data)).weights(root)
    if weights is None:
        raise DetectorError(_NO_STATE_DICT.format(_kind(root)))
    return StateDict(weights=weights, facts=facts_of_tree(root))


def _kind(root: Node) -> str:
    """What a file holds instead of a state dict, for messages."""
    model = model_node(root)
    if isinstance(model, Call) and model.makes_instance:
        return "a whole model"
    return "a dict without one" if isinstance(root, Pairs) else kind_of(root)


def _of_content(content: Any) -> StateDict:
    """The state dict in what torch's loader returned."""
    named = content if isinstance(content, dict) else {}
    for candidate in (named, *map(named.get, STATE_DICTS)):
        if isinstance(candidate, dict) and candidate:
            weights = {name: value for name, value in candidate.items() if isinstance(value, Tensor)}
            if len(weights) == len(candidate):
                shapes = {str(name): tuple(value.shape) for name, value in weights.items()}
                return StateDict(weights=weights, facts=WeightFacts(shapes=shapes))
    raise DetectorError(_NO_STATE_DICT.format(type(content).__name__))
