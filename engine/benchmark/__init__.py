# SPDX-License-Identifier: AGPL-3.0-only
"""Measures what the engine costs and reaches."""
