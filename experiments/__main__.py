"""Command line of the experiments: `python -m experiments COMMAND --help`."""

import argparse
import sys

from experiments import digits, toy
from ingestion_test.errors import ChallengeError

COMMANDS = {"toy": toy, "digits": digits}  # modules with SUMMARY, add_arguments(parser) and run(arguments)


def main(argv=None):
    """Run one experiment; return the exit code: 0, or 2 where the user can mend what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except ChallengeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
