"""Cores and memory as affinity, control groups and limits leave them."""

import logging
import math
import os
import subprocess
import sys

import pytest

from runtime import machine


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A folder that stands for that of the control groups; this process is in its group a/b."""
    monkeypatch.setattr(machine, "_GROUPS", tmp_path)
    monkeypatch.setattr(machine, "_own_groups", lambda: [tmp_path / "a" / "b", tmp_path / "a", tmp_path])
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    (tmp_path / "a" / "b").mkdir(parents=True)
    return tmp_path


def _write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("files", "number"),
    [
        ({}, 16),
        ({"a/b/cpu.max": "max 100000\n"}, 16),
        ({"a/b/cpu.max": "300000 100000\n"}, 3),
        ({"a/b/cpu.max": "50000 100000\n"}, 1),
        ({"a/b/cpu.max": "150000 100000\n"}, 2),
        ({"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000"}, 2),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 16),
        ({"a/b/cpu.max": "nonsense"}, 16),
    ],
)
def test_cores(groups, files, number):
    for name, text in files.items():
        _write(groups / name, text)
    assert machine.cores() == number


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"a/b/memory.max": "3000000\n", "a/b/memory.current": "1000000\n"}, 2_000_000),
        ({"a/memory.max": "5000000\n", "a/memory.current": "1000000\n", "a/b/memory.max": "max"}, 4_000_000),
        ({"memory/memory.limit_in_bytes": "900000", "memory/memory.usage_in_bytes": "1000000"}, 0),
    ],
)
def test_memory_of_a_control_group(groups, files, left):
    for name, text in files.items():
        _write(groups / name, text)
    assert machine.memory() == left


def test_a_limit_on_addresses_is_one_on_memory():
    program = "from runtime.machine import memory; print(memory())"
    command = f"ulimit -v 2000000; exec {sys.executable} -c '{program}'"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert float(run.stdout) <= 2000000 * 1024


def test_memory_here_is_a_number():
    assert 0 < machine.memory() < math.inf


@pytest.mark.parametrize(
    ("asked", "cores", "memory", "used"),
    [
        (1, 1, 0, 1),
        (2, 1, 0, 2),
        (8, 2, math.inf, 8),
        (1000, 2, math.inf, 8),
        (1000, 64, 3e9, 10),
        (1000, 64, math.inf, 256),
        (100, 64, 0, 2),
    ],
)
def test_no_more_processes_than_the_machine_carries(asked, cores, memory, used, monkeypatch, caplog):
    monkeypatch.setattr(machine, "cores", lambda: cores)
    monkeypatch.setattr(machine, "memory", lambda: memory)
    with caplog.at_level(logging.WARNING):
        assert machine.carried(asked) == used
    cut = f"{asked} processes are more than {cores} cores and {memory / 1e9:.1f} GB of free memory carry"
    assert caplog.messages == ([] if used == asked else [f"{cut}: {used} are used"])
