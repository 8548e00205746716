# SPDX-License-Identifier: AGPL-3.0-only
"""Pieces of the list on the page Runs and patches."""
