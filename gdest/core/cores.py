"""Tell how many cores this process may use: those that it may run on, or the quota of its container."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
OF_PROCESS = Path("/proc/self/cgroup")


def cores() -> int:
    """Return the number of cores that this process may use, at least 1; part of one counts as one."""
    may_run_on = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([may_run_on, *(math.ceil(quota) for quota in quotas())]))


def quotas(mount: Path = MOUNT, of_process: Path = OF_PROCESS) -> Iterator[float]:
    """Yield the processor quotas of this process's control groups and those around them, in cores.

    Version 2 writes `cpu.max`, version 1 `cpu.cfs_quota_us` and `cpu.cfs_period_us`; docs.kernel.org, cgroup-v2 and
    sched-bwc. In a container its own group is often mounted as the root.
    """
    for line in _lines(of_process):
        _, controllers, group = [*line.split(":", 2), "", ""][:3]
        if not group or (controllers and "cpu" not in controllers.split(",")):
            continue
        roots = [mount / controllers, mount / "cpu", mount / "cpu,cpuacct"] if controllers else [mount]
        place = Path(group.lstrip("/"))
        for root in dict.fromkeys(roots):
            for part in (place, *place.parents):
                yield from _quota(root / part)


def _quota(folder: Path) -> Iterator[float]:
    words = _words(folder / "cpu.max")
    words = words or [*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us")]
    try:
        quota, period = (float(word) for word in words)
    except ValueError:  # there is none, or it is `max`
        return
    if quota > 0 and period > 0:
        yield quota / period


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    except (OSError, ValueError):
        return []
