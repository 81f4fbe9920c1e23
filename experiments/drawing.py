"""What the figures in docs/ have in common."""

from matplotlib.figure import Figure

from runtime import files

#: Colours of Okabe and Ito, told apart by colour-blind readers; the grey is none of theirs.
BLUE, RED, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, GREY = "#CC79A7", "#56B4E9", "#555555"
#: For a legend below the panels.
BELOW = "outside lower center"


def panels(rows=1, columns=1, size=(7, 5), **options):
    """A figure of `size` inches and its axes; `options` as for `Figure.subplots`."""
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def save(figure, path, dpi=100):
    """Write the figure as PNG, whole or not at all; one of many points is small with fewer dots per inch."""
    with files.replaced(path, "wb") as file:
        figure.savefig(file, format="png", dpi=dpi)
