# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs on the nodes of a Ray cluster: the head claims, sends, answers and stores; nodes compute."""
