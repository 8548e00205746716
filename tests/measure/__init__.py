# SPDX-License-Identifier: AGPL-3.0-only
"""Programs that measure PatchBench itself, each run as `python -m tests.measure.<name>`."""
