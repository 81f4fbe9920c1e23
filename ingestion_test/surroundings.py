"""What the processes of a submission find around them: what comes from the image, and what the fit has changed.

In the official program the processes that predict are started by the one that has fitted the model, so that they take
over its environment variables, its folder, its search path and its arguments (docs/protocol.md#submissions).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

#: A change of this makes files of fitted models unreadable for what has written others.
MODEL_FORMAT = 2


def image_variables(paths: Iterable[Path | None]) -> dict[str, str]:
    """Environment variables of a submission's process that are as in the image, whatever the user has set.

    Text files are UTF-8 and matplotlib draws into files, with its own settings.

    Arguments:
        paths: what the process is told to open.
    """
    variables = {"MPLBACKEND": "agg"}
    matplotlib = importlib.util.find_spec("matplotlib")
    for folder in (matplotlib and matplotlib.submodule_search_locations) or ():
        if (settings := Path(folder, "mpl-data", "matplotlibrc")).is_file():
            variables["MATPLOTLIBRC"] = str(settings)
    names = [*sys.path, *(str(path) for path in paths if path is not None)]
    # Of an encoding that is another one for these names, the files would not be found.
    if all(os.fsencode(name) == name.encode("utf-8", "surrogateescape") for name in names):
        variables["PYTHONUTF8"] = "1"
    return variables


def forgive_warnings() -> None:
    """Have warnings of this process be shown where the user has made them errors, as in the image they are none."""
    if any(action == "error" for action, *_ in warnings.filters):
        warnings.resetwarnings()
        warnings.simplefilter("default")


@dataclass(frozen=True)
class Surroundings:
    """What a process hands on to those that it starts."""

    variables: Mapping[str, str]
    folder: str | None
    path: tuple[str, ...]
    arguments: tuple[str, ...]

    @classmethod
    def of_this_process(cls) -> Surroundings:
        """As they are now; without a folder if that is gone."""
        folder = None
        with contextlib.suppress(OSError):
            folder = os.getcwd()
        return cls(dict(os.environ), folder, tuple(sys.path), tuple(sys.argv))

    def changes(self) -> Changes:
        """What has changed in this process since."""
        now = Surroundings.of_this_process()
        names = {name for name, _ in self.variables.items() ^ now.variables.items()}
        return Changes(
            {name: now.variables.get(name) for name in names},
            now.folder if now.folder != self.folder else None,
            tuple((place, entry) for place, entry in enumerate(now.path) if entry not in self.path),
            now.arguments if now.arguments != self.arguments else None,
        )


@dataclass(frozen=True)
class Changes:
    """Differences of `Surroundings`.

    Arguments:
        variables: environment variables by name, None for those that are gone.
        folder: working directory; None where it is the same.
        path: new entries of the search path, each with its place.
        arguments: of the command line; None where they are the same.
    """

    variables: Mapping[str, str | None]
    folder: str | None
    path: tuple[tuple[int, str], ...]
    arguments: tuple[str, ...] | None

    def repeat(self) -> None:
        """Change this process in the same way; it stays where it is if there is no such folder here."""
        for name, value in self.variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if self.folder is not None:
            with contextlib.suppress(OSError):
                os.chdir(self.folder)
        for place, entry in self.path:
            sys.path.insert(place, entry)
        if self.arguments is not None:
            sys.argv[:] = self.arguments
