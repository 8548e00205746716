# SPDX-License-Identifier: AGPL-3.0-only
"""The logits of scores that are not a sigmoid's: log(p / (1 - p)), without loss near 0 and 1."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def of_softmax(logits: Tensor, index: int) -> Tensor:
    """The log-odds of one class of a softmax over the last dimension.

    Args:
        logits: float (..., classes), at least two classes.
        index: of the class.

    Returns:
        Float (...).
    """
    others = torch.cat((logits[..., :index], logits[..., index + 1 :]), dim=-1)
    return logits[..., index] - others.logsumexp(dim=-1)


def of_geometric_mean(first: Tensor, second: Tensor) -> Tensor:
    """The log-odds of the score √(sigmoid(first) · sigmoid(second)), as FCOS multiplies class and centre.

    With the score s, 1 - s = (1 - s²) / (1 + s), and 1 - s² has a logarithm without cancellation.

    Args:
        first, second: float (...), of the same shape.
    """
    log_score = (F.logsigmoid(first) + F.logsigmoid(second)) / 2
    rest = torch.stack((-first, -second, -first - second)).logsumexp(dim=0)
    return log_score.exp().log1p() - log_score - rest
