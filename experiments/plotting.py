"""What the figures in docs/ have in common."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from runtime import files

#: Colours of Okabe and Ito, told apart by colour-blind readers; the grey is none of theirs.
BLUE, RED, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, GREY = "#CC79A7", "#56B4E9", "#555555"
#: For a legend below the panels.
BELOW = "outside lower center"


def panels(rows: int = 1, columns: int = 1, size: tuple[float, float] = (7, 5), **options: Any) -> tuple[Figure, Any]:
    """A figure of `size` inches and its axes; `options` as for `Figure.subplots`."""
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def save(figure: Figure, path: Path, dpi: int = 100) -> None:
    """Write the figure as PNG, whole or not at all; one of many points is small with fewer dots per inch."""
    with files.replaced(path, "wb") as file:
        figure.savefig(file, format="png", dpi=dpi)
