"""No dependency tells anybody of a scan: nothing is looked up, no socket is opened, no identity is written."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from helpers.scan_fixtures import put

from gdest.model import openvino_is_installed

WATCH = """
import os, sys

def watch(event, arguments):
    internet = event == "socket.__new__" and int(arguments[1]) in (2, 10, 23, 30)
    looked_up = event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")
    if internet or looked_up:
        handle = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{event} {arguments[1:]}\\n".encode())
        os.close(handle)

sys.addaudithook(watch)
"""
"""Runs at the start of every Python process, also of those that a scan starts."""


@pytest.fixture
def watched(tmp_path):
    """Return what runs Python in a home of its own, and gives back what it did on the internet."""
    for folder in ("watch", "home"):
        (tmp_path / folder).mkdir()
    (tmp_path / "watch/sitecustomize.py").write_text(WATCH)
    own = {"HOME": tmp_path / "home", "SEEN": tmp_path / "seen", "OMP_NUM_THREADS": "1"}
    own["PYTHONPATH"] = os.pathsep.join(map(str, [tmp_path / "watch", *sys.path]))
    # a continuous integration, in which some telemetry is silent, is not what a user runs in
    others = {"CI", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"}
    kept = {name: value for name, value in os.environ.items() if name not in others}

    def ran(*words):
        environment = kept | {name: str(value) for name, value in own.items()}
        finished = subprocess.run(
            [sys.executable, *map(str, words)], capture_output=True, text=True, env=environment, check=False
        )
        return finished, own["SEEN"].read_text() if own["SEEN"].exists() else ""

    return ran


def test_the_watch_sees_a_look_up_and_a_socket(watched):
    _, seen = watched("-c", "import socket; socket.socket()")
    assert "socket.__new__" in seen
    look_up = "import socket; socket.getaddrinfo('localhost', 1)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {look_up!r}])"
    assert "socket.getaddrinfo" in watched("-c", child)[1]


def test_a_scan_opens_no_socket_and_leaves_no_identity_in_the_home_folder(watched, tmp_path):
    put(tmp_path / "archive", "a.tif", 40)
    precision = "int8" if openvino_is_installed() else "auto"
    scan = ("-m", "gdest", "scan", tmp_path / "archive", "--out", tmp_path / "out", "--precision", precision)
    finished, seen = watched(*scan)
    assert finished.returncode in (0, 3), finished.stderr
    assert seen == ""
    written = {path.relative_to(tmp_path / "home").parts[:2] for path in (tmp_path / "home").rglob("*")}
    caches = {(folder, name) for folder in (".cache", ".config") for name in ("gdest", "matplotlib")}
    assert written <= caches | {(".cache",), (".config",)}
