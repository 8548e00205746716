# SPDX-License-Identifier: AGPL-3.0-only
"""What a user asks for as a whole: generate a patch, evaluate one; results land in a folder of their own."""
