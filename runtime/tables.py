"""The printer of all tables: aligned text for the terminal, Markdown for the pages.

It stands in for the package tabulate, which neither breaks a table that is too wide into blocks nor counts the columns
of a terminal that combining characters, such as the hat of mu, take.
"""

# ruff: noqa: RUF001 (minus and multiplication signs are meant)

from __future__ import annotations

import itertools
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: A cell of numbers, such as "1.055 ± 0.021", "12%" or "1,000 (3 to 4)".
_NUMERIC = re.compile(r"(?:[-+−±×\d.,:/%() ]|\d[eE][-+]\d|\bto\b|\bnan\b|\binf\b)*")


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Arguments:
        head: titles of the columns.
        rows: of each row the cells, as many as `head` has.
        title: stands above it, unless empty.

    Example:
        >>> print(Table(("method", "score", "interval"), [("ours", "1.055 ± 0.021", "0.347")]).text(width=28))
        method          score
        ours    1.055 ± 0.021
        <BLANKLINE>
        method  interval
        ours       0.347
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""

    def markdown(self) -> str:
        """The table in Markdown."""
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        title = f"**{self.title}**\n\n" if self.title else ""
        return title + "".join("| " + " | ".join(cells) + " |\n" for cells in lines)

    def text(self, width: int = 100) -> str:
        """Columns, numbers to the right and words to the left, at most `width` characters wide.

        What does not fit follows below, beside the first column again.
        """
        half = (width - 2) // 2  # so that two columns always fit
        lines: list[Sequence[str]] = []
        for cells in (self.head, *self.rows):
            lines += itertools.zip_longest(*(textwrap.wrap(cell, half) or [""] for cell in cells), fillvalue="")
        numeric = [all(map(_NUMERIC.fullmatch, cells)) for cells in zip(*self.rows)] or [False] * len(self.head)
        first, *columns = [_aligned(cells, right) for cells, right in zip(zip(*lines), numeric)]
        blocks = [[first]]
        for column in columns:
            if len(blocks[-1]) > 1 and _width("  ".join(cells[0] for cells in [*blocks[-1], column])) > width:
                blocks.append([first])
            blocks[-1].append(column)
        texts = ["\n".join("  ".join(cells).rstrip() for cells in zip(*block)) for block in blocks]
        return "\n\n".join([self.title, *texts] if self.title else texts)


def _aligned(cells: Iterable[str], right: bool) -> list[str]:
    cells = list(cells)
    size = max(map(_width, cells))
    blanks = [" " * (size - _width(cell)) for cell in cells]
    return [blank + cell if right else cell + blank for cell, blank in zip(cells, blanks)]


def _width(text: str) -> int:
    """Columns of a terminal that a text takes: a hat stands above its letter."""
    return sum(not unicodedata.combining(letter) for letter in text)
