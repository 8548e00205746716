# SPDX-License-Identifier: AGPL-3.0-only
"""Figures from records; pure functions, one module a topic."""
