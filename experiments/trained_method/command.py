"""What the trained method reaches: `python -m experiments method` (paper, sec. 6.2, Fig. 4 right and Fig. 6).

From the artifacts of `python -m training` and events that the networks were not trained on: how well scores separate
and how tes moves them, what the templates allow, the belt and its coverage; beside the paper's numbers where there are
any. Tables are printed, all numbers go into method.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.trained_artifacts import load, load_manifest
from ingestion_test import simulation
from ingestion_test.sources import OfficialFolder
from runtime import files
from runtime.arguments import add_workers_arguments, count
from runtime.documents import add_docs_argument, publish
from runtime.output import output_folder
from submission import artifacts
from submission.estimator import Estimator
from training.neyman import NeymanConfig, belt_throws, check_throws
from training.samples import training_part

from . import figures, tables
from .belts import belts, common_shifts, coverage
from .energy_scale import cut_shifts, densities, signal_flows
from .event_level import event_level
from .expected_events import cramer_rao, yields
from .official_events import official
from .scored_events import score_events
from .separation import separations

SUMMARY = "figures and tables of the trained method, beside the paper's numbers (sec. 6.2)"

#: Energy scales of the tau at which events are scored.
TES = (0.97, 1.0, 1.03)

#: Throws at each true mu under which all estimates are moved.
SHIFT_THROWS = 4000

SEED = 20250509


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--artifacts", type=Path, default=artifacts.FOLDER, metavar="DIR", help="default: submission/artifacts")
    add("--data", metavar="DIR", help="events in the official format (default: a simulated sample, made on first use)")
    add("--output", type=Path, default=Path("runs/method"), metavar="DIR", help="default: runs/method")
    add("--events", type=count, default=400_000, metavar="N", help="rows to use at the most (default 400000)")
    add("--event-level", metavar="DIR", help="output folder of `python -m ingestion_test score`, for coverage")
    add("--official", metavar="DIR", help="folder with official events to compare the classifier on")
    add("--throws", type=count, default=100_000, metavar="N", help="behind the central belt drawn (default 100000)")
    add_workers_arguments(parser)
    add_docs_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print all tables, draw all figures, write method.json."""
    # What is cheap comes first, so that a wrong folder is named before anything long begins.
    estimator, record = load(arguments.artifacts)
    optional = {}
    if arguments.event_level:
        optional["event_level"] = event_level(estimator, arguments.event_level)
    if arguments.official:
        OfficialFolder(arguments.official)
    with output_folder(arguments.output, work=None):
        _publish(arguments, _study(arguments, estimator, record) | optional)


def _study(arguments: argparse.Namespace, estimator: Estimator, record: Mapping[str, Any]) -> dict[str, Any]:
    """All that the artifacts and the events say: what goes into method.json."""
    source = OfficialFolder(arguments.data or simulation.cached_folder("default", seed=0))
    likelihood, scorer, random = estimator.likelihood, estimator.histogram.scorer, np.random.default_rng(SEED)
    config = NeymanConfig(belt_throws=arguments.throws, check_throws=SHIFT_THROWS, seed=SEED)

    sample = training_part(source, "held-out", arguments.events).with_jets()
    shifted = {tes: score_events(scorer, sample, tes=tes) for tes in TES}
    nominal = shifted[1.0]
    throws = belt_throws(likelihood, estimator.belt.config.mu_range, config, arguments.workers)
    others = check_throws(likelihood, config, arguments.workers)
    result = {
        "shipped": load_manifest(arguments.artifacts)["sha256"],
        "data": {"events": source.fingerprint(), "networks_trained_on": record["data"], "rows": len(sample.weights)},
        "separation": separations(nominal, random),
        "separation_in_training": record["classifier"]["held_out"],
        "shifted": cut_shifts(shifted),
        "densities": densities(shifted, signal_flows(record)),
        "yields": yields(estimator),
        "cramer_rao": cramer_rao(estimator),
        "belt": belts(estimator, throws),
        "coverage": coverage(likelihood, record, throws, others, SEED),
        "common_shifts": common_shifts(estimator, others),
    }
    if arguments.official:
        result["official"] = official(scorer, arguments.official, arguments.events, record["data"], nominal, random)
    return result


def _publish(arguments: argparse.Namespace, result: Mapping[str, Any]) -> None:
    """Figures, method.json and tables of a result."""
    output = arguments.output
    shown = {name: output / f"{name}.png" for name in ("densities", "histogram", "belt", "coverage")}
    figures.densities(shown["densities"], result["densities"])
    figures.histogram(shown["histogram"], result["yields"]["bins"])
    figures.belt(shown["belt"], result["belt"])
    figures.coverage(shown["coverage"], result["coverage"], result.get("event_level"))
    files.write_json(output / "method.json", result)
    print("\n\n".join(table.text() for table in tables.all_tables(result).values()))
    publish(arguments.docs, "method", tables.sections(result), [*shown.values(), output / "method.json"])
