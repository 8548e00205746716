# SPDX-License-Identifier: AGPL-3.0-only
"""What is kept: imported datasets in SQLite, behind one repository."""
