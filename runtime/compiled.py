"""Functions compiled by numba, kept on the disk where there is room for them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache

Compiled = TypeVar("Compiled", bound=Callable[..., Any])


class _Cache(FunctionCache):
    """numba's cache of a function; a disk that is full and files that are damaged cost time, never the run."""

    def load_overload(self, *arguments: Any) -> Any:
        try:
            return super().load_overload(*arguments)
        except Exception:  # of the many kinds that damaged files give
            with contextlib.suppress(Exception):
                self.flush()
            return None

    def save_overload(self, *arguments: Any) -> None:
        with contextlib.suppress(Exception):
            super().save_overload(*arguments)


def compiled(function: Compiled) -> Compiled:
    """A function that numba compiles at its first call, or takes from its cache if that can be read and written.

    Its arithmetic is that of numpy to the last bit: nothing is contracted or reordered, and dividing by 0 is no error,
    which also lets loops run over several numbers at a time.
    """
    dispatcher = numba.njit(error_model="numpy")(function)
    if not numba.config.DISABLE_JIT:
        with contextlib.suppress(RuntimeError, OSError):  # neither the project's folder nor the home can be written
            dispatcher._cache = _Cache(function)
    return dispatcher  # type: ignore[no-any-return]
