# SPDX-License-Identifier: AGPL-3.0-only
"""Sweeps: many runs with one objective. What is varied, what is tried next, what is given up. No torch."""
