"""Names of the types of arrays and of events; the docstrings say their shapes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

#: Numbers of one of the floating-point types.
FloatArray = npt.NDArray[np.floating[Any]]

IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]

#: What `numpy.asarray` makes an array of numbers of.
ArrayLike = npt.ArrayLike

#: Events: from the name of a feature to its values, (events,); a DataFrame will do.
Columns = Mapping[str, Any]
