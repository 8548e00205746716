# SPDX-License-Identifier: AGPL-3.0-only
"""The suites, a module each, without torch at import; in the order in which they are listed."""

from engine.benchmark.suites import (  # isort: skip
    batching as batching,
    merge as merge,
    precision as precision,
    warm_start as warm_start,
    losses as losses,
    sampling as sampling,
    data_source as data_source,
    loader as loader,
    budget as budget,
    accumulate as accumulate,
    baseline as baseline,
    floor as floor,
    scaling as scaling,
    memory as memory,
    strength as strength,
    transfer_learning as transfer_learning,
    transfer as transfer,
    defences as defences,
    hardening as hardening,
)
