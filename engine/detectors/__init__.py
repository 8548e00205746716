# SPDX-License-Identifier: AGPL-3.0-only
"""Frozen, differentiable object detectors, and which weight files may be opened."""
