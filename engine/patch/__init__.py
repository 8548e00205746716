# SPDX-License-Identifier: AGPL-3.0-only
"""Makes patches: places and draws them, and optimises them against a detector."""
