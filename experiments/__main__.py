"""Command line of the experiments: `python -m experiments COMMAND --help`."""

import argparse
import logging
import sys

from experiments import ablation, digits, final_phase, method, table2, toy
from ingestion_test.errors import ChallengeError

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
        command.set_defaults(run=module.run)
    arguments = parser.parse_args(argv)
    logging.basicConfig(format="%(message)s", stream=sys.stderr, level=logging.INFO)
    try:
        arguments.run(arguments)
    except ChallengeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; what is done is kept", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
