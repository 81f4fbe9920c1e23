"""As `sitecustomize` on PYTHONPATH it counts a command's file operations, and kills it just before a certain one.

The environment says which: see `tests.robustness.kills`.
"""

import os
import signal
import sys

_EVENTS = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "shutil.copyfile", "shutil.rmtree"}


def install(folder, counter, at, whole):
    """Count the operations in `folder`, and before number `at` kill this process, or the `whole` command.

    Arguments:
        counter: file that grows by a byte at each; all processes of a command have it in common.
    """
    growing = os.open(counter, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def watch(event, arguments):
        if event in _EVENTS and folder in str(arguments[0]):
            os.write(growing, b".")
            if os.fstat(growing).st_size == at:
                if whole:
                    os.killpg(os.getsid(0), signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)  # the process of a submission is in a group of its own

    sys.addaudithook(watch)


if __name__ == "sitecustomize":
    settings = {name: os.environ[f"KILL_{name.upper()}"] for name in ("folder", "counter", "at", "whole")}
    install(settings["folder"], settings["counter"], int(settings["at"]), settings["whole"] == "True")
