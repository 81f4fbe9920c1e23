"""All benchmarks, one after the other: `python -m benchmarks [NAME] [--docs docs] [flags of that benchmark]`.

What they print is shown, and with --docs it also takes its place in docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.earlier import COMMIT, is_there
from runtime.documents import add_docs_argument, publish

#: In the order in which they are run. Those that also keep a file take --docs themselves; one needs a card, one the
#: history of the repository.
NAMES = (
    "pseudo_experiment",
    "earlier",
    "profile",
    "draws",
    "floor",
    "fit",
    "flows",
    "scaling",
    "large_runs",
    "model_fit",
    "real_file",
    "row_groups",
    "simulation",
    "gpu",
)
KEEPING = ("scaling", "real_file", "gpu")


def machine() -> str:
    """One line about where the figures were taken."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, torch {torch.__version__}"
    return f"# {os.cpu_count()} cores {model}, {versions}"


def run(name: str, flags: Sequence[str]) -> str:
    """Run a benchmark; show what it prints and return it."""
    about = f"{machine()}\n$ {' '.join(['python -m', f'benchmarks.{name}', *flags])}\n"
    print(about, end="", flush=True)
    command = [sys.executable, "-u", "-m", f"benchmarks.{name}", *flags]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        raise SystemExit(f"benchmarks.{name} ended with exit code {process.returncode}")
    return about + "".join(lines)


def possible() -> list[str]:
    """The benchmarks that this machine can run."""
    absent = {"gpu": not torch.cuda.is_available(), "earlier": not is_there(COMMIT)}
    return [name for name in NAMES if not absent.get(name)]


def main(arguments: Sequence[str] | None = None, program: str = "python -m benchmarks") -> None:
    """Run the benchmarks and put what they print into the page."""
    parser = argparse.ArgumentParser(
        prog=program,
        description=__doc__.splitlines()[0],
        epilog=f"example: {program} fit --docs docs",
    )
    parser.add_argument("name", nargs="?", choices=NAMES, help="which; default: all that this machine can")
    add_docs_argument(parser)
    known, flags = parser.parse_known_args(arguments)
    for name in [known.name] if known.name else possible():
        docs = ["--docs", str(known.docs)] if known.docs and name in KEEPING else []
        text = run(name, [*flags, *docs])
        publish(known.docs, "performance", {name: f"```\n{text}```\n"}, ())


if __name__ == "__main__":
    main()
