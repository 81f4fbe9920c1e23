"""On PYTHONPATH this lets `tests.kills` count a command's file operations and kill it just before one of them."""

import os
import signal
import sys

_EVENTS = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "shutil.copyfile", "shutil.rmtree"}
_FOLDER, _AT, _WHOLE = os.environ["KILL_FOLDER"], int(os.environ["KILL_AT"]), os.environ["KILL_WHOLE"] == "True"
_counter = os.open(os.environ["KILL_COUNTER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def _watch(event, arguments):
    if event in _EVENTS and _FOLDER in str(arguments[0]):
        os.write(_counter, b".")  # one counter for all processes of the command
        if os.fstat(_counter).st_size == _AT:
            os.kill(0 if _WHOLE else os.getpid(), signal.SIGKILL)


sys.addaudithook(_watch)
