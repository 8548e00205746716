# SPDX-License-Identifier: AGPL-3.0-only
"""The database: datasets, jobs, patches and measurements in SQLite, behind one `Repository`.

Every method that accesses the database raises `StorageError` if that fails; docstrings do not repeat it.
"""
