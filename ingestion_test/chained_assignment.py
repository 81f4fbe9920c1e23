"""Assignments that do nothing in the pandas at hand and something in the image's: `frame["x"][rows] = value`."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pandas.core.frame
import pandas.core.generic
import pandas.core.indexing
import pandas.core.series

from .callables import warn

#: Modules of pandas that warn of such assignments, each by its name `warnings`.
MODULES: tuple[ModuleType, ...] = (
    pandas.core.frame,
    pandas.core.generic,
    pandas.core.indexing,
    pandas.core.series,
)

_PANDAS = str(Path(pd.__file__).parent)


class _Listening:
    """The module `warnings`, which tells of chained assignments even where a submission ignores warnings."""

    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)

    def warn(self, message: Any, category: Any = None, stacklevel: int = 1, **options: Any) -> None:
        """As `warnings.warn`."""
        if category is pd.errors.ChainedAssignmentError:
            warn(
                f"{_caller()} assigns to what an index or attribute of a frame has returned: in the pandas "
                f"{pd.__version__} here this does nothing, in the image's pandas 2 it changes the frame, and so the "
                "results; write frame.loc[rows, column] = value"
            )
        warnings.warn(message, category, stacklevel + 1, **options)


def _caller() -> str:
    """File and line from which pandas was called."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PANDAS):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno},"


def watch() -> None:
    """Warn, from now on in this process, of each line that assigns so."""
    for module in MODULES:
        if hasattr(module, "warnings"):
            module.warnings = _Listening()  # type: ignore[attr-defined]
