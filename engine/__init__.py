# SPDX-License-Identifier: AGPL-3.0-only
"""PatchBench's engine: datasets, detectors, patch runs, evaluation. Importing it loads no torch."""

__version__ = "0.1.0"

__all__ = ["__version__"]
