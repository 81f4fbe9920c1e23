"""How far a long step is: a bar on a terminal, ten lines where none listens."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def line_is_due(done: int, total: int) -> bool:
    """Whether `done` of `total` pieces are worth a line: ten times in all, and at the end.

    Example:
        >>> [done for done in range(1, 26) if line_is_due(done, 25)]
        [3, 6, 9, 12, 15, 18, 21, 24, 25]
    """
    return done == total or done % math.ceil(total / 10) == 0


def followed(pieces: Iterable[T], total: int, step: str, unit: str) -> Iterator[T]:
    """The pieces as they come, `total` of them; how many there were is shown on stderr as `step`.

    Example:
        `followed(blocks, 50, "simulating", "block")` prints "... simulating: 5/50 blocks" after the fifth.
    """
    with tqdm(total=total, desc=step, unit=unit, dynamic_ncols=True, disable=None) as bar:
        for done, piece in enumerate(pieces, 1):
            yield piece
            bar.update()
            if bar.disable and line_is_due(done, total):
                print(f"... {step}: {done}/{total} {unit}s", file=sys.stderr, flush=True)
