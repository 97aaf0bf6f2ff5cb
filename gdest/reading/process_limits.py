"""Limit what a process takes: by the system where it keeps limits, else by a watcher outside. Windows keeps none."""

from __future__ import annotations

import sys
from typing import Any

from gdest.core import NO_MEMORY

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

DOES_NOT_FINISH = "does not finish"


def limits_are_kept() -> bool:
    """Return whether the system ends a process, or refuses it memory, beyond its limits."""
    return resource is not None


def write_no_core() -> None:
    """Let a crash of this process leave no picture of its memory on the disk."""
    if sys.platform != "win32" and resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit(cpu_s: float, data_bytes: int) -> None:
    """Limit this process to so much more processor time, and to so much memory in all."""
    if sys.platform == "win32" or resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    limits = {
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime + cpu_s) + 1,
        resource.RLIMIT_DATA: data_bytes,
    }
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


class Watched:
    """Look from outside at a process on a system that keeps no limits."""

    def __init__(self, pid: int, cpu_s: float, data_bytes: int) -> None:
        import psutil

        self._gone = psutil.Error
        self._process: Any = psutil.Process(pid)
        self._data_bytes = data_bytes
        self._cpu_s = self._used_s() + cpu_s

    def excess(self) -> str:
        """Return in a sentence what the process takes too much of; the empty text also for one that has ended."""
        try:
            if self._used_s() > self._cpu_s:
                return f"cannot decode: its reader {DOES_NOT_FINISH}"
            return NO_MEMORY if self._process.memory_info().rss > self._data_bytes else ""
        except self._gone:
            return ""

    def _used_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)
