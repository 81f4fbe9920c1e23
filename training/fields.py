"""Kinds of numbers that configurations hold, with the values that they may have."""

from typing import Annotated

from submission.codec import Bounds

#: How many there are of something.
Count = Annotated[int, Bounds(1, 10**9)]

#: As `Count`, where there may be none, or where one is not enough.
CountOrNone = Annotated[int, Bounds(0, 10**9)]
Several = Annotated[int, Bounds(2, 10**9)]

Seed = Annotated[int, Bounds(0, 2**32 - 1)]

Positive = Annotated[float, Bounds(0, strict=True)]
NotNegative = Annotated[float, Bounds(0)]
Finite = Annotated[float, Bounds()]

#: A part of a whole that is neither empty nor the whole.
Share = Annotated[float, Bounds(0, 1, strict=True)]
