"""The final phase: `python -m experiments final` (docs/protocol.md#final-phase), by events and at histogram level.

A run of `python -m ingestion_test score` (`--event-level`) is shown beside counts thrown from the shipped templates,
of which 10,000 pseudo-experiments take seconds. The true mu and the nuisance parameters of the throws are those that
`score` draws with the same seed; final phases with other seeds say how much is chance.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from experiments.trained_artifacts import load_estimator, load_manifest
from ingestion_test.ingestion import DEFAULT_SEED, RunSettings
from ingestion_test.score_table import summary_table
from ingestion_test.scoring import bootstrap
from runtime import arguments as types
from runtime.documents import add_docs_argument, publish
from runtime.files import write_json
from runtime.output import output_folder
from submission import artifacts
from submission.estimator import Estimator

from . import figure
from .event_level import EventRun, common_move, compare, load_events
from .phases import fit_phase, phase_scores, throw_phase
from .tables import mean_and_spread, sections, summary, tables

SUMMARY = "the final phase, 10 × 1000 pseudo-experiments with bootstraps, from events and from templates"

#: Files that the page shows or names.
SHOWN = ("final-phase.png", "final.json")

#: Moves of all estimates, in mu, under which the final phases are scored again: a finite sample of events makes such.
MOVES = (-0.03, -0.015, 0.0, 0.015, 0.03)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--artifacts", type=Path, default=artifacts.FOLDER, metavar="DIR", help="default: submission/artifacts")
    add("--sets", type=types.count, default=10, metavar="N", help="true values of mu (default 10)")
    add("--experiments", type=types.count, default=1000, metavar="N", help="pseudo-experiments of each (default 1000)")
    add("--seed", type=types.seed, default=DEFAULT_SEED, metavar="N", help=f"as of `score` (default {DEFAULT_SEED})")
    add("--repeats", type=types.count, default=20, metavar="N", help="final phases with other seeds, for the spread")
    add("--event-level", metavar="DIR", help="output folder of `score` with the same sets and seed")
    add("--output", type=Path, default=Path("runs/final"), metavar="DIR", help="default: runs/final")
    add_docs_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the scores of the final phase and their spread, write final.json and a figure."""
    # What is cheap comes first, so that a wrong folder is named before anything long begins.
    estimator = load_estimator(arguments.artifacts)
    events = None
    if arguments.event_level:
        events = load_events(arguments.event_level, arguments.sets, arguments.seed, estimator.belt)
    with output_folder(arguments.output, work=None):
        _run(arguments, estimator, events)


def _run(arguments: argparse.Namespace, estimator: Estimator, events: EventRun | None) -> None:
    settings = RunSettings(arguments.sets, arguments.experiments, seed=arguments.seed)
    size = settings.num_sets, settings.num_experiments
    scores = throw_phase(estimator, *size, arguments.seed)
    print(summary_table(scores, None, bootstrap(scores)))
    seeds = [arguments.seed + 10**6 * (1 + i) for i in range(arguments.repeats)]
    moved: dict[float, list[dict[str, Any]]] = {move: [] for move in MOVES}
    for seed in seeds:
        fits = fit_phase(estimator, *size, seed)
        for move, summaries in moved.items():
            summaries.append(summary(phase_scores(estimator, fits, move)))
    shipped = load_manifest(arguments.artifacts)["sha256"]
    result = {"shipped": shipped, "seed": arguments.seed, "templates": summary(scores), "repeated": moved[0.0]}
    result["moved"] = [{"move": move, **mean_and_spread(summaries)} for move, summaries in moved.items()]
    if events is not None:
        result |= {"events": summary(events.scores) | {"duration": events.duration}}
        result["comparison"] = compare(estimator, events)
        result["common_move"] = common_move(estimator, events)
    write_json(arguments.output / "final.json", result)
    figure.plot(arguments.output / "final-phase.png", result)
    print("", *(table.text() for table in tables(result)), sep="\n\n")
    publish(arguments.docs, "results", sections(result), [arguments.output / name for name in SHOWN])
