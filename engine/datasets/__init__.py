# SPDX-License-Identifier: AGPL-3.0-only
"""Datasets: readers, repair, batch plans, the loader and the embedded demo."""
