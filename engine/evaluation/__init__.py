# SPDX-License-Identifier: AGPL-3.0-only
"""How a patch is judged: metrics by the field's conventions, controls, intervals."""
