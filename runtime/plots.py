"""matplotlib as it comes: no figure depends on a user's matplotlibrc, nor on a backend, as no window is opened.

This is imported before matplotlib: MPLBACKEND may name a backend that is not installed, as it does for what Jupyter
starts, and matplotlib cannot be imported then.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

_backend = os.environ.pop("MPLBACKEND", None)
import matplotlib  # noqa: E402 (without the variable)

if _backend is not None:
    os.environ["MPLBACKEND"] = _backend
    with contextlib.suppress(ValueError):
        matplotlib.rcParams["backend"] = _backend


@contextlib.contextmanager
def plain_style(style: Mapping[str, Any] | None = None) -> Iterator[None]:
    """matplotlib's own settings, and those of `style`, within the block or the function that this decorates."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style or {})
        yield
