# SPDX-License-Identifier: AGPL-3.0-only
"""Work in the background: the queue, its workers and their processes, estimates, and what is recorded."""
