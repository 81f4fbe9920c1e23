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
from ingestion_test.official_folders import Folder, add_folders, chosen_folders
from ingestion_test.sources import OfficialFolder
from runtime.arguments import count, seed
from runtime.errors import run_command

__all__ = ["main", "parser"]

_PROGRAM = "python ingestion_test/run_ingestion.py"

_FOLDERS = {
    "input": Folder("input_data", "/app/data", "folder in the official format"),
    "output": Folder("sample_result_submission", "/app/output", "folder for the results; an earlier run is replaced"),
    "submission": Folder("sample_code_submission", "/app/ingested_program", "folder or zip with model.py"),
}

# Source of the flags: docs/protocol.md#command-lines.
parser = argparse.ArgumentParser(
    prog=_PROGRAM,
    description=__doc__,
    epilog=f"example: {_PROGRAM} --input DIR --output OUT --submission my_submission --systematics-tes "
    "--num-pseudo-experiments 100 --num-of-sets 10 --parallel",
)
add_folders(parser, _FOLDERS)
parser.add_argument(
    "--public-dataset", action="store_true", help="take the events in ./public_data instead; nothing is downloaded"
)
for _name in NUISANCE_NAMES:
    parser.add_argument(f"--systematics-{_name.replace('_', '-')}", action="store_true", help=f"vary {_name}")
parser.add_argument("--num-pseudo-experiments", type=count, default=2, metavar="N", help="of each set (default 2)")
parser.add_argument("--num-of-sets", type=count, default=5, metavar="N", help="true values of mu (default 5)")
parser.add_argument("--parallel", action="store_true", help="pickle the model to one process per core")
parser.add_argument("--random-seed", type=seed, default=DEFAULT_SEED, metavar="N", help=f"default {DEFAULT_SEED}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    flags = parser.parse_args(arguments)
    flags.command = _ingest
    return run_command(flags, _PROGRAM, arguments)


def _ingest(flags: argparse.Namespace) -> None:
    switched_on = tuple(name for name in NUISANCE_NAMES if getattr(flags, f"systematics_{name}"))
    settings = RunSettings(flags.num_of_sets, flags.num_pseudo_experiments, switched_on, flags.random_seed)
    folders = chosen_folders(flags, _FOLDERS)
    source = _public_data() if flags.public_dataset else OfficialFolder(folders["input"])
    workers = (os.cpu_count() or 1) if flags.parallel else 1
    run(settings, source, folders["submission"], folders["output"], workers, replace_old=True)


def _public_data() -> OfficialFolder:
    """The folder that the official program unpacks its download into, below the working directory."""
    nested = Path("public_data", "input_data")
    return OfficialFolder(nested if nested.is_dir() else nested.parent)


if __name__ == "__main__":
    sys.exit(main())
