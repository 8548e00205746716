# SPDX-License-Identifier: AGPL-3.0-only
"""Other libraries' patch attacks, driven through their own APIs, to compare with."""
