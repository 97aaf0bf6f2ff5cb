"""The way in and the way out of the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest


def ended(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_ctrl_c_while_gdest_is_still_being_loaded_is_no_traceback():
    finished = ended("""if True:
        import sys
        class Interrupted:
            def find_spec(self, name, *_):
                if name == "gdest.cli": raise KeyboardInterrupt
        sys.meta_path.insert(0, Interrupted())
        from gdest.__main__ import run
        run()
    """)
    assert (finished.returncode, finished.stdout) == (130, "")
    assert finished.stderr == "gdest: stopped by Ctrl-C; nothing was begun.\n"


@pytest.mark.parametrize("works_on", [False, True])
def test_what_is_written_and_registered_is_done_though_pytorch_is_not_unloaded(works_on):
    finished = ended(f"""if True:
        import atexit, sys, threading, time, types
        sys.modules["torch"] = types.ModuleType("torch")
        atexit.register(lambda: print("registered"))
        if {works_on}:
            threading.Thread(target=lambda: (time.sleep(0.5), print("worked"))).start()
        import gdest.cli
        gdest.cli.main = lambda: (print("said", end=""), sys.exit(3))
        from gdest.__main__ import run
        run()
    """)
    assert finished.returncode == 3
    assert finished.stdout == ("saidworked\nregistered\n" if works_on else "saidregistered\n")
