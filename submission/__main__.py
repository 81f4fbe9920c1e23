"""`python -m submission build|verify`: make the zip for Codabench, and check one."""

import argparse
import sys

from .upload import UploadError, build, verify


def main(arguments=None):
    """The command line; returns the exit code: 0, or 2 for what the user can mend."""
    parser = argparse.ArgumentParser(
        prog="python -m submission",
        description="Make the zip for Codabench, and check one as Codabench would run it.",
        epilog="example: python -m submission build && python -m submission verify submission.zip",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="build|verify")
    building = commands.add_parser("build", help="write the zip of this project's submission")
    building.add_argument("zip", nargs="?", default="submission.zip", help="file to write (default submission.zip)")
    verifying = commands.add_parser("verify", help="check any zip, and run it on simulated events")
    verifying.add_argument("zip", help="file to check")
    flags = parser.parse_args(arguments)
    sys.stdout.reconfigure(errors="backslashreplace")  # the name of the zip may hold bytes that are no text
    try:
        if flags.command == "build":
            print(f"{flags.zip}: {build(flags.zip) / 1e6:.2f} MB")
        else:
            for line in verify(flags.zip):
                print(f"ok  {line}", flush=True)
            print(f"{flags.zip} is ready to upload")
    except UploadError as error:
        print(f"error: {' '.join(str(error).split())[:2000]}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error}: give another file", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
