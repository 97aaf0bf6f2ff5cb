"""Run `python -m gdest`, and the command `gdest`."""

from __future__ import annotations

import sys


def run() -> None:
    """Run the command line; Ctrl-C while it is still being loaded is no traceback."""
    try:
        from gdest.cli import main

        main()
    except KeyboardInterrupt:
        sys.stderr.write("gdest: stopped by Ctrl-C; nothing was begun.\n")
        sys.exit(130)


if __name__ == "__main__":
    run()
