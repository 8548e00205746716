# SPDX-License-Identifier: AGPL-3.0-only
"""Pieces of the page Defend."""
