# SPDX-License-Identifier: AGPL-3.0-only
"""What is kept: datasets, jobs, patches and measurements in SQLite, behind one repository."""

import sys

# sqlite-utils loads pandas where it is installed, for half a second and nothing that is used here.
if "pandas" not in sys.modules:
    sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        import sqlite_utils  # noqa: F401
    finally:
        del sys.modules["pandas"]
