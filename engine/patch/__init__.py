# SPDX-License-Identifier: AGPL-3.0-only
"""Places, renders and optimises patches against a detector."""
