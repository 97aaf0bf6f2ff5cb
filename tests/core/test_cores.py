"""A container's quota counts, of either version of control groups, not the cores of the machine."""

from __future__ import annotations

import os

import pytest

from gdest.core import cores as module
from gdest.core.cores import cores, quotas


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def version_1(folder, quota):
    return {f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": "100000\n"}


@pytest.mark.parametrize(
    ("group", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, [1.5]),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "400000 100000\n"}, [4.0]),
        ("0::/a/b\n", {"a/b/cpu.max": "50000 100000\n", "a/cpu.max": "400000 100000\n"}, [0.5, 4.0]),
        ("4:memory:/x\n3:cpu,cpuacct:/x\n", version_1("cpu,cpuacct/x", 200_000), [2.0]),
        ("2:cpu:/x\n", version_1("cpu", 300_000), [3.0]),
        ("2:cpu:/\n", version_1("cpu", -1), []),
        ("3:cpuset:/x\n", {"cpuset/x/cpu.max": "100000 100000\n"}, []),
        ("0::/\n", {"cpu.max": "nonsense\n"}, []),
        ("nonsense", {}, []),
        (None, {}, []),
    ],
)
def test_the_quotas_of_all_groups_around_a_process_are_found(tmp_path, group, files, expected):
    if group is not None:
        put(tmp_path / "cgroup", group)
    for name, text in files.items():
        put(tmp_path / "mount" / name, text)
    assert list(quotas(tmp_path / "mount", tmp_path / "cgroup")) == expected


@pytest.mark.parametrize(("found", "expected"), [([], 8), ([2.5, 4.0], 3), ([0.2], 1), ([64.0], 8)])
def test_the_smallest_quota_counts_rounded_up_and_never_more_cores_than_there_are(monkeypatch, found, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)))
    monkeypatch.setattr(module, "quotas", lambda: iter(found))
    assert cores() == expected
