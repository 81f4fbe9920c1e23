"""Run a submission on pseudo-experiments: drop-in for the official script of this name."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    # Run as a script: what is imported is the package, from the project root, not its modules from this folder.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ingestion_test.ingestion import DEFAULT_SEED, RunSettings, run
from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.sources import OfficialFolder
from runtime.arguments import count, seed
from runtime.errors import run_command


# Source of the flags: docs/protocol.md#command-lines.
def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    program = "python ingestion_test/run_ingestion.py"
    parser = argparse.ArgumentParser(
        prog=program,
        description=__doc__,
        epilog=f"example: {program} --input DIR --output OUT --submission my_submission --systematics-tes "
        "--num-pseudo-experiments 100 --num-of-sets 10 --parallel",
    )
    add = parser.add_argument
    add("--input", "-i", required=True, metavar="DIR", help="folder in the official format")
    add(
        "--output",
        "-o",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder for the results; an earlier run is replaced",
    )
    add("--submission", "-s", required=True, metavar="DIR", help="folder or zip with model.py")
    for name in NUISANCE_NAMES:
        add(f"--systematics-{name.replace('_', '-')}", action="store_true", help=f"vary {name}")
    add("--num-pseudo-experiments", type=count, default=2, metavar="N", help="of each set (default 2)")
    add("--num-of-sets", type=count, default=5, metavar="N", help="true values of mu (default 5)")
    add("--parallel", action="store_true", help="pickle the model to one process per core")
    add("--random-seed", type=seed, default=DEFAULT_SEED, metavar="N", help=f"default {DEFAULT_SEED}")
    parser.set_defaults(command=_ingest)
    return run_command(parser.parse_args(arguments), program, arguments)


def _ingest(flags: argparse.Namespace) -> None:
    switched_on = tuple(name for name in NUISANCE_NAMES if getattr(flags, f"systematics_{name}"))
    settings = RunSettings(flags.num_of_sets, flags.num_pseudo_experiments, switched_on, flags.random_seed)
    source = OfficialFolder(flags.input)
    workers = (os.cpu_count() or 1) if flags.parallel else 1
    run(settings, source, flags.submission, flags.output, workers, replace_old=True)


if __name__ == "__main__":
    sys.exit(main())
