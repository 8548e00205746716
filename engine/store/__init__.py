# SPDX-License-Identifier: AGPL-3.0-only
"""What is kept: datasets, jobs, patches and measurements in SQLite, behind one repository."""
