# SPDX-License-Identifier: AGPL-3.0-only
"""The only door to the engine, one module a topic.

All functions that look into the database raise `StorageError` if it cannot be used.
"""
