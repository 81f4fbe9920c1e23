"""The command `higgsml`: one door to the command lines of the rooms, each with the parser of its own.

A room is imported when it is called, so that the help appears at once.
"""

import argparse
import importlib
import sys
from collections.abc import Callable

#: Of each command: the module with `main(arguments, program)`, whether that one's parser knows the command by its
#: name, and what it does.
COMMANDS = {
    "score": ("ingestion_test.cli", True, "run a submission through the challenge and show its score"),
    "explain": ("measurement.cli", True, "a page about one measurement"),
    "simulate": ("ingestion_test.cli", True, "write a folder of simulated events"),
    "compare": ("ingestion_test.cli", True, "compare runs of score on the data sets that they have in common"),
    "check-data": ("ingestion_test.cli", True, "look at a folder of events before hours are spent on it"),
    "train": ("training.__main__", False, "train the method: from events to weights and tables"),
    "build": ("upload.__main__", True, "write the zip of this project's submission, or of a folder"),
    "verify": ("upload.__main__", True, "check any zip as Codabench would, and run it on simulated events"),
    "experiments": ("experiments.__main__", False, "the paper's comparisons and studies"),
    "benchmarks": ("benchmarks.__main__", False, "timings, each beside its alternative"),
}


def main(arguments: list[str] | None = None) -> int:
    """Call a command of a room; returns its exit code.

    Arguments:
        arguments: list of texts; None for those of this process.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="higgsml",
        description="A harness for the FAIR Universe HiggsML challenge, and a submission with its training.",
        epilog="example: higgsml score --sets 3",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, _, summary) in COMMANDS.items():
        commands.add_parser(name, help=summary, add_help=False)
    name = parser.parse_args(arguments[:1]).command
    module, is_known, _ = COMMANDS[name]
    command: Callable[[list[str], str], int] = importlib.import_module(module).main
    return command(arguments, "higgsml") if is_known else command(arguments[1:], f"higgsml {name}")


if __name__ == "__main__":
    sys.exit(main())
