"""Types of the arrays in this room, and arrays that files are mapped to.

What the axes of an array are the docstrings say, as "array (events, 16)".
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

#: Single precision, as in the data file.
SingleArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
#: Of either precision.
FloatArray = npt.NDArray[np.floating]
#: Row numbers, counts, places in a tuple of names.
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
#: Columns of events by their names, arrays (events,).
Columns: TypeAlias = dict[str, FloatArray]
#: A number, or an array of numbers whose shape the result of a formula has.
Numbers: TypeAlias = "float | npt.NDArray[Any]"


def allocated(
    directory: Path | None, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike
) -> np.ndarray[Any, np.dtype[Any]]:
    """An array to be filled: in memory, or mapped from a file in `directory` that has its place on the disk."""
    if directory is None:
        return np.empty(shape, dtype)
    path = Path(directory, f"{name}.npy")
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
    if hasattr(os, "posix_fallocate"):  # a full disk is an error here; at a write to the array it would end the process
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def flush(*arrays: np.ndarray[Any, np.dtype[Any]]) -> None:
    """Write those that are mapped to the disk, where other machines may read them."""
    for array in arrays:
        if isinstance(array, np.memmap):
            array.flush()
