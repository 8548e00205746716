# SPDX-License-Identifier: AGPL-3.0-only
"""Patch attacks of other libraries, run through their own APIs for comparison."""
