"""Runs the blocks of docs/tutorial.md, one after the other: `python -m tests.tutorial FOLDER` leaves its pictures."""

import argparse
import contextlib
from pathlib import Path
from typing import Any

import matplotlib

from tests.pages import blocks

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tutorial.md"

#: Of all pictures: inches, and dots per inch.
STYLE = {"figure.figsize": (6, 3.6), "figure.dpi": 100, "figure.constrained_layout.use": True}


def run(folder: Path) -> dict[str, Any]:
    """Run the blocks with `folder` as working directory; returns the variables that they leave."""
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    variables: dict[str, Any] = {}
    with contextlib.chdir(folder), matplotlib.rc_context(STYLE):
        for block in blocks(PAGE):
            exec(compile(block, str(PAGE), "exec"), variables)
            plt.close("all")
    return variables


def main() -> None:
    """Run the tutorial."""
    program = "python -m tests.tutorial"
    parser = argparse.ArgumentParser(
        prog=program, description="Run the tutorial and keep its pictures.", epilog=f"example: {program} runs/tutorial"
    )
    parser.add_argument("folder", type=Path, help="for the pictures and the training; must not hold another training")
    matplotlib.use("Agg")
    run(parser.parse_args().folder)


if __name__ == "__main__":
    main()
