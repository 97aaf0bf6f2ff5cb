"""What Linux has and Windows lacks is not needed to import gdest, to lock a folder or to write a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "gdest"

LIKE_WINDOWS = """
import importlib, os, pathlib, signal, sys

POSIX_ONLY = ["fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "readline"]
OF_OS = [
    "fork", "forkpty", "killpg", "setsid", "getuid", "geteuid", "getgid", "getegid", "getpgid", "fchmod", "fchown",
    "chown", "mkfifo", "statvfs", "fstatvfs", "sched_getaffinity", "sched_setaffinity", "pread", "pwrite", "preadv",
    "nice", "uname", "getloadavg", "O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK", "O_CLOEXEC", "WNOHANG",
]
OF_SIGNAL = ["SIGHUP", "SIGXCPU", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGKILL", "alarm", "setitimer"]

modules = sys.argv[2:]
for module in modules:  # first whole: libraries of others may need what Linux has
    importlib.import_module(module)
for module in [name for name in sys.modules if name.partition(".")[0] == "gdest"]:
    del sys.modules[module]
sys.modules.update(dict.fromkeys(POSIX_ONLY))
for module, names in ((os, OF_OS), (signal, OF_SIGNAL)):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
for module in modules:
    importlib.import_module(module)

from gdest.core import CORES, OutputError, write_atomically
from gdest.reading.process_limits import limits_are_kept
from gdest.scan import heard, output_lock
out = pathlib.Path(sys.argv[1])
with output_lock(out), heard() as stop:
    write_atomically(out / "a.txt", lambda path: path.write_text("a"))
    try:
        with output_lock(out):
            pass
    except OutputError as error:
        print(error)
print(CORES > 0, limits_are_kept(), stop.asked, sorted(os.listdir(out)))
"""


def test_every_module_can_be_imported_and_files_be_written_without_what_only_linux_has(tmp_path):
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "__main__.py"
    ]
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-c", LIKE_WINDOWS, str(tmp_path / "out"), *modules]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    held, last = done.stdout.splitlines()
    assert "is being written by another gdest (process" in held
    assert last == "True False False ['.gdest.lock', 'a.txt']"
