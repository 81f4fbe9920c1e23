"""The subcommand `simulate`: write a folder of simulated events."""

import argparse
import os
from pathlib import Path

from runtime.errors import ChallengeError
from runtime.locks import locked
from runtime.machine import cores
from runtime.processes import MAX_PROCESSES

from .cache import remove_leftovers
from .sample import SIZES, number_of_blocks, number_of_rows
from .worlds import DEFAULT, WORLDS
from .writer import write_folder

#: Rows of the largest sample; the official one has 220 million.
MAX_ROWS = 1_000_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `simulate` to an argparse parser."""
    parser.add_argument("--output", required=True, help="folder to write; it must be new or empty")
    parser.add_argument("--size", default="default", help=f"{', '.join(SIZES)} or a number of rows (default: default)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same events (default: 0)")
    parser.add_argument("--workers", type=int, default=cores(), help="processes at work (default: all cores)")
    worlds = "; ".join(f"{name}: {world.title}" for name, world in WORLDS.items()).replace("%", "%%")
    parser.add_argument(
        "--world",
        default=DEFAULT,
        metavar="NAME",
        help=f"variant of the simulation: {worlds} (default: {DEFAULT})",
    )
    parser.add_argument("--unweighted", action="store_true", help="give all events of a process the same weight")


def run(args: argparse.Namespace) -> None:
    """Run `simulate` with parsed arguments; raises ChallengeError for what the user can mend."""
    rows = number_of_rows(args.size)
    if rows > MAX_ROWS:
        raise ChallengeError(f"a sample of {rows:,} rows is too large: use {MAX_ROWS:,} or fewer")
    if args.workers > MAX_PROCESSES:
        raise ChallengeError(f"{args.workers} workers are too many: use {MAX_PROCESSES} or fewer")
    workers = min(args.workers, number_of_blocks(rows))
    output = Path(os.path.realpath(args.output))
    if output.is_symlink():
        raise ChallengeError(f"{output} is a link that leads nowhere: use another --output")
    lock = output.parent / f".{output.name}.lock"
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with locked(lock, f"another run is writing to {output}; choose another --output"):
            remove_leftovers(output)
            try:
                write_folder(output, args.size, args.seed, workers, unweighted=args.unweighted, world=args.world)
            finally:
                lock.unlink()
    except OSError as error:
        raise ChallengeError(f"cannot write to {output.parent}: {error.strerror}; use another --output") from error
    print(f"simulated events: {output}")
