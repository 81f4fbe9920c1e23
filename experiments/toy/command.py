"""The paper's toy studies: `python -m experiments toy` (Fig. 1 to 3, Tab. 1 and app. B).

Two studies, each over several seeds (of the samples, the initial weights and the matrices): how well the learned
density matches the analytic one, and how accurate four networks stay when the data are perturbed.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from experiments.outputs import checksum, claim, record
from runtime import files
from runtime.documents import add_docs_argument, publish
from runtime.output import output_folder

from .config import PRESETS
from .density import density_study, plane_samples
from .networks import embedded_samples, network_study
from .tables import sections, tables

SUMMARY = "flows against analytic densities, and four networks on perturbed Gaussians (paper, sec. 5)"

ABOUT_FILE = "toy_settings.json"

#: Files that the page shows or names.
SHOWN = ("density.png", "strengths.png", "rotation.png", "accuracy.png", "toy.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--preset", choices=PRESETS, default="full", help="size of the studies (default: full)")
    parser.add_argument("--output", type=Path, help="folder of the results (default: runs/toy-PRESET)")
    add_docs_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run both studies; an interrupted run goes on from the flows' checkpoints in the output folder."""
    output = arguments.output or Path(f"runs/toy-{arguments.preset}")
    with output_folder(output):
        _run(arguments, output)


def _run(arguments: argparse.Namespace, output: Path) -> None:
    config = PRESETS[arguments.preset]
    plane, embedded = plane_samples(config), embedded_samples(config)
    claim(output / ABOUT_FILE, record(config) | {"samples": checksum(*plane, *embedded)}, resume=True)
    result = {
        "preset": arguments.preset,
        "config": dataclasses.asdict(config),
        "density": density_study(config, *plane, output),
        "networks": network_study(config, *embedded, output),
    }
    files.write_json(output / "toy.json", result)
    print("\n\n".join(table.text() for of_study in tables(result).values() for table in of_study))
    publish(arguments.docs, "toy", sections(result), [output / name for name in SHOWN])
