"""Whether the nuisance parameters that `mle-nu` fits are the true ones: `python -m experiments pulls`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.methods.mle_nu.training import NuResult
from runtime import files
from runtime.documents import add_docs_argument, publish
from runtime.errors import ChallengeError
from runtime.tables import Table
from submission import codec

SUMMARY = "fitted minus true pulls of the method mle-nu, in the pseudo-experiments of its belt"

FOLDER = Path("runs/table2-full/mle-nu/training")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--training", type=Path, default=FOLDER, metavar="DIR", help=f"training of mle-nu (default: {FOLDER})")
    add("--output", type=Path, default=Path("runs/pulls"), metavar="DIR", help="default: runs/pulls")
    add_docs_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the table, write pulls.json."""
    path = arguments.training / "neyman.npz"
    try:
        summary = codec.decode(NuResult, path.read_bytes()).summary
    except (OSError, codec.FormatError) as error:
        raise ChallengeError(
            f"{path} cannot be read ({error}): --training takes the training of mle-nu that "
            "`python -m experiments table2 --methods mle-nu` leaves"
        ) from error
    result = {name: summary[name] for name in ("experiments", "converged", "pull_mean", "pull_rms")}
    arguments.output.mkdir(parents=True, exist_ok=True)
    files.write_json(arguments.output / "pulls.json", result)
    print(table(result).text())
    publish(arguments.docs, "results", sections(result), [arguments.output / "pulls.json"])


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What pulls.json makes of the page: section -> Markdown."""
    return {"pulls": table(result).markdown()}


def table(result: Mapping[str, Any]) -> Table:
    """A line for each parameter: mean of fitted minus true pull with its statistical error, and standard deviation."""
    lines = []
    for name, mean in result["pull_mean"].items():
        spread = float(np.sqrt(max(result["pull_rms"][name] ** 2 - mean**2, 0.0)))
        lines.append((name, f"{mean:+.2f} ± {spread / np.sqrt(result['experiments']):.2f}", f"{spread:.2f}"))
    head = (f"{result['experiments']} pseudo-experiments", "fitted - true pull, mean", "standard deviation")
    return Table(head, lines)
