"""The output folder of a run: one process writes to it, and what goes wrong there is one line."""

import contextlib
import errno
from pathlib import Path

from .errors import ChallengeError, shortage
from .files import locked, remove_parts


@contextlib.contextmanager
def output_folder(path, kept=" (what is done is kept: --resume continues)"):
    """Make the folder `path` and keep it for this run alone.

    What a killed run was writing in it is removed.

    Arguments:
        kept: what is said then of the work that is done.

    Raises:
        ChallengeError: another run is writing to it, something in it cannot be written or something elsewhere not be
            used, or memory runs out.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with locked(path / ".lock", f"another run is writing to {path}; choose another --output"):
            remove_parts(path)
            yield
    except (OSError, MemoryError, RuntimeError) as error:
        said = shortage(error)
        if isinstance(error, OSError) and error.errno != errno.ENOMEM:
            said = f"cannot write to {path}: {error.strerror or error}; free or choose another place with --output"
            if isinstance(error.filename, str) and not Path(error.filename).absolute().is_relative_to(path.absolute()):
                said = f"{error.filename}: {error.strerror or error}; mend that"
        if said is None:
            raise
        raise ChallengeError(said + kept) from error
