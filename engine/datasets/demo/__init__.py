# SPDX-License-Identifier: AGPL-3.0-only
"""The embedded demo dataset: synthetic street scenes with people, drawn by code from a seed."""

from engine.datasets.demo.dataset import demo_dataset

__all__ = ["demo_dataset"]
