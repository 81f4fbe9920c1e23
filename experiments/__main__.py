"""Command line of the experiments: `python -m experiments COMMAND --help`."""

import argparse
import sys

from experiments import ablation, digits, final_phase, method, table2, toy
from ingestion_test.errors import run_command

COMMANDS = {
    "toy": toy,
    "digits": digits,
    "method": method,
    "final": final_phase,
    "table2": table2,
    "ablation": ablation,
}  # modules with SUMMARY, add_arguments(parser) and run(arguments)


def main(argv=None):
    """Run one experiment; return the exit code: 0, 2 where the user can mend what is wrong, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY)
        module.add_arguments(command)
        command.set_defaults(command=module.run)
    return run_command(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
