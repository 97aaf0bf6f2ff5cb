"""Start a Python process of our own that talks with us through a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from multiprocessing import Pipe, connection as pipes
from typing import Any

if sys.platform == "win32":
    Connection = pipes.PipeConnection
else:
    Connection = pipes.Connection


def start_python(*words: str, quiet: bool) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start Python with some words, to which the number of its end of a pipe is added; return the process and our end.

    It finds what we find, hears no Ctrl-C that is meant for us, and sees the pipe close when we end, however that
    comes. One that is `quiet` says nothing on standard error.
    """
    ours, theirs = Pipe()
    command = [sys.executable, "-P", *words, str(theirs.fileno())]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if quiet else None,
        **_with(theirs.fileno()),
    )
    theirs.close()
    return process, ours


def _with(handle: int) -> dict[str, Any]:
    """Return how a process is started that has a handle of ours, in a session of its own."""
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
        return {"startupinfo": startup, "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"pass_fds": [handle], "start_new_session": True}
