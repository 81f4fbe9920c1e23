"""Kinds of numbers that configurations hold, with the values that they may have."""

from dataclasses import dataclass
from typing import Annotated

from submission.codec import Bounds


@dataclass(frozen=True)
class EvenBounds(Bounds):
    """`Bounds` of even numbers.

    Example:
        >>> print(EvenBounds(2, 8))
        at least 2 and at most 8 that is even
        >>> [number for number in range(10) if number in EvenBounds(2, 8)]
        [2, 4, 6, 8]
    """

    def __contains__(self, number: float) -> bool:
        return super().__contains__(number) and number % 2 == 0

    def __str__(self) -> str:
        return f"{super().__str__()} that is even"


#: How many there are of something.
Count = Annotated[int, Bounds(1, 10**9)]

#: As `Count`, where there may be none, or where one is not enough.
CountOrNone = Annotated[int, Bounds(0, 10**9)]
Several = Annotated[int, Bounds(2, 10**9)]

#: How many balanced events there are: as many of signal as of background.
Even = Annotated[int, EvenBounds(2, 10**9)]

Seed = Annotated[int, Bounds(0, 2**32 - 1)]

Positive = Annotated[float, Bounds(0, strict=True)]
NotNegative = Annotated[float, Bounds(0)]
Finite = Annotated[float, Bounds()]

#: A part of a whole that is neither empty nor the whole.
Share = Annotated[float, Bounds(0, 1, strict=True)]
