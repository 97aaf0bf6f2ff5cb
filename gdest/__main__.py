"""Run `python -m gdest`, and the command `gdest`."""

from __future__ import annotations

import atexit
import os
import sys
import threading


def run() -> None:
    """Run the command line; Ctrl-C while it is still being loaded is no traceback."""
    try:
        from gdest.cli import main

        main()
    except KeyboardInterrupt:
        sys.stderr.write("gdest: stopped by Ctrl-C; nothing was begun.\n")
        sys.exit(130)
    except SystemExit as end:
        if isinstance(end.code, int) and "torch" in sys.modules:
            _leave(end.code)
        raise


def _leave(code: int) -> None:
    """End the process, all that is registered done and written, without the half second in which PyTorch is unloaded.

    Where another thread is at work still, Python's own way out waits for it.
    """
    if any(thread is not threading.current_thread() and not thread.daemon for thread in threading.enumerate()):
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # closed; the command has told
        pass
    os._exit(code)


if __name__ == "__main__":
    run()
