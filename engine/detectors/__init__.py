# SPDX-License-Identifier: AGPL-3.0-only
"""Frozen, differentiable object detectors, and the safe opening of weight files."""
