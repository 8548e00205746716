# SPDX-License-Identifier: AGPL-3.0-only
"""Background jobs: the queue, workers and their child processes, estimates, and records of results."""
