# SPDX-License-Identifier: AGPL-3.0-only
"""The pages, one plain script each."""
