# SPDX-License-Identifier: AGPL-3.0-only
"""The dashboard: pages over the engine's records; its process never loads torch."""
