"""Parts of a long computation, kept in files so that it can be resumed."""

import zipfile
from pathlib import Path

import numpy as np

from runtime import files
from runtime.errors import ChallengeError


def kept_or_made(path, about, make):
    """The arrays in the file `path`, or those that `make` makes, kept there.

    Arguments:
        path: file of the part; None to keep nothing.
        about: text that changes with all that the arrays depend on.
        make: function without arguments that returns a dict of arrays.

    Returns:
        dict of arrays.

    Raises:
        ChallengeError: the file cannot be read or written, or is about something else.
    """
    if path is None:
        return make()
    path = Path(path)
    if path.exists():
        return _load(path, about)
    arrays = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.replaced(path, "wb") as file:
            np.savez(file, about=about, **arrays)
    except OSError as error:
        raise ChallengeError(f"{path} could not be written ({error}): make room, or use another --output") from error
    return arrays


def _load(path, about):
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as kept:
            arrays = dict(kept)
            found = str(arrays.pop("about"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ChallengeError(f"{path} cannot be read ({error}): remove it") from error
    if found != about:
        raise ChallengeError(f"{path} is about {found}, not {about}: remove it or use another --output")
    return arrays
