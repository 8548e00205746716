# SPDX-License-Identifier: AGPL-3.0-only
"""`python -m engine`."""

import sys

from engine.cli import main

if __name__ == "__main__":
    sys.exit(main())
