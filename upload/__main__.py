"""`python -m submission build|verify`: make the zip for Codabench, and check one."""

import argparse
import io
import sys

from .checks import UploadError, build, checks

COMPETITION = "https://www.codabench.org/competitions/2977/"


def main(arguments=None, program="python -m submission"):
    """The command line; returns the exit code: 0, 2 for what the user can mend, 130 if interrupted."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Make the zip for Codabench, and check one as Codabench would run it.",
        epilog=f"example: {program} build && {program} verify submission.zip",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="build|verify")
    for name, summary, example in (
        ("build", "write the zip of this project's submission", "build"),
        ("verify", "check any zip as Codabench would, and run it on simulated events", "verify submission.zip"),
    ):
        command = commands.add_parser(name, help=summary, description=summary, epilog=f"example: {program} {example}")
        command.add_argument("zip", nargs="?", default="submission.zip", help="the file (default submission.zip)")
    flags = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # the name of the zip may hold bytes that are no text
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if flags.command == "build":
            print(f"{flags.zip}: {build(flags.zip) / 1e6:.2f} MB; next: python -m submission verify {flags.zip}")
        else:
            _verify(flags.zip)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except UploadError as error:
        print(f"error: {' '.join(str(error).split())[:2000]}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {flags.zip}: {error.strerror or error}; give another place", file=sys.stderr)
        return 2
    return 0


def _verify(path):
    """Print each check before it begins and what it found, and what to do with a zip that passes."""
    for number, (what, check) in enumerate(checks(path), 1):
        print(f"{number}. {what} ... ", end="", flush=True)
        try:
            print(f"ok: {check()}")
        except UploadError:
            print("failed", flush=True)
            raise
    print(f"{path} is ready. Next: {COMPETITION}, My Submissions, choose the phase, upload it (docs/codabench.md)")


if __name__ == "__main__":
    sys.exit(main())
