"""`python -m upload build|verify`: make the zip for Codabench, and check one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from runtime.errors import ChallengeError, run_command

from .archive import build
from .checks import checks

COMPETITION = "https://www.codabench.org/competitions/2977/"


def main(arguments: Sequence[str] | None = None, program: str = "python -m upload") -> int:
    """The command line; returns the exit code as `run_command`."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Make the zip for Codabench, and check one as Codabench would run it.",
        epilog=f"example: {program} build && {program} verify submission.zip",
    )
    commands = parser.add_subparsers(required=True, metavar="build|verify")
    for example, command, summary in (
        ("build --submission my_submission", _build, "write the zip of this project's submission, or of a folder"),
        ("verify submission.zip", _verify, "check any zip as Codabench would, and run it on simulated events"),
    ):
        name = example.split()[0]
        subparser = commands.add_parser(name, help=summary, description=summary, epilog=f"example: {program} {example}")
        subparser.add_argument("zip", nargs="?", default="submission.zip", help="the file (default submission.zip)")
        subparser.set_defaults(command=command, program=program)
        if command is _build:
            subparser.add_argument(
                "--submission", metavar="DIR", help="folder with model.py (default: this project's own)"
            )
    return run_command(parser.parse_args(arguments), program, arguments)


def _build(flags: argparse.Namespace) -> None:
    print(f"{flags.zip}: {build(flags.zip, flags.submission) / 1e6:.2f} MB; next: {flags.program} verify {flags.zip}")


def _verify(flags: argparse.Namespace) -> None:
    """Print each check before it begins and what it found, and what to do with a zip that passes."""
    for number, (label, check) in enumerate(checks(flags.zip), 1):
        print(f"{number}. {label} ... ", end="", flush=True)
        try:
            print(f"ok: {check()}")
        except ChallengeError:
            print("failed", flush=True)
            raise
    print(f"{flags.zip} is ready. Next: {COMPETITION}, My Submissions, choose the phase, upload it (docs/codabench.md)")


if __name__ == "__main__":
    sys.exit(main())
