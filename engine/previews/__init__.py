# SPDX-License-Identifier: AGPL-3.0-only
"""What pages ask to see of patches and detectors, answered by a process that stays warm."""
