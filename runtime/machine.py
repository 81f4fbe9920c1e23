"""What this process may use of its machine: cores and memory, as affinity, control groups and limits leave them."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import resource
from pathlib import Path

#: Processes per core beyond which more only cost memory.
PROCESSES_PER_CORE = 4

#: Bytes that a process of this project takes at the least, with torch and its share of arrays.
PROCESS_BYTES = 300_000_000

_GROUPS = Path("/sys/fs/cgroup")

_log = logging.getLogger(__name__)


def cores() -> int:
    """Number of cores that this process may use, at least 1; a share of a core counts as one."""
    try:
        number = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not every system has it
        number = os.cpu_count() or 1
    return max(1, math.ceil(min(number, _group_cores())))


def memory() -> float:
    """Bytes that this process may still take; infinite where the system does not say."""
    limits = [_group_memory()]
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        limits.append(1024 * float(next(line for line in lines if line.startswith("MemAvailable")).split()[1]))
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    limits.append(math.inf if soft == resource.RLIM_INFINITY else float(soft))
    return min(limits)


def carried(processes: int) -> int:
    """How many of so many processes this machine carries, at least 2 of 2 or more; fewer than asked for are logged."""
    most = max(2, min(PROCESSES_PER_CORE * cores(), int(min(memory() / PROCESS_BYTES, 1e6))))
    if processes > most:
        _log.warning(
            "%d processes are more than %d cores and %.1f GB of free memory carry: %d are used",
            processes,
            cores(),
            memory() / 1e9,
            most,
        )
    return min(processes, most)


def _group_cores() -> float:
    """Cores that control groups grant, of version 2 and version 1."""
    shares = [math.inf]
    for folder in _own_groups():
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            quota, period = (folder / "cpu.max").read_text().split()
            shares.append(int(quota) / int(period))
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = ((_GROUPS / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        if int(quota) > 0:
            shares.append(int(quota) / int(period))
    return min(shares)


def _group_memory() -> float:
    """Bytes that control groups leave, of version 2 and version 1."""
    left = [math.inf]
    pairs = [(folder / "memory.max", folder / "memory.current") for folder in _own_groups()]
    pairs.append((_GROUPS / "memory" / "memory.limit_in_bytes", _GROUPS / "memory" / "memory.usage_in_bytes"))
    for limit, usage in pairs:
        with contextlib.suppress(OSError, ValueError):
            left.append(max(0, int(limit.read_text()) - int(usage.read_text())))
    return min(left)


def _own_groups() -> list[Path]:
    """Folders of this process's control group, version 2, and of those above it."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        own = _GROUPS / next(line[3:] for line in lines if line.startswith("0::")).lstrip("/")
        return [folder for folder in (own, *own.parents) if folder.is_relative_to(_GROUPS)]
    return []
