"""Tables where the events are not those of the training: `python -m experiments refit-worlds`.

Worlds are made by changing simulated events. In each the shipped templates are tested, and tables are made as
`Model.fit` makes them. Both meet pseudo-experiments of that world. The output folder keeps the row of each world, so
that a later call adds others.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

from experiments import outputs
from experiments.trained_artifacts import load_estimator, load_manifest
from ingestion_test import simulation
from ingestion_test.simulation.cache import generator_version
from ingestion_test.simulation.worlds import DEFAULT
from ingestion_test.sources import OfficialFolder
from runtime import arguments as types
from runtime.documents import add_docs_argument, publish
from runtime.errors import ChallengeError
from runtime.files import read_json, write_json
from runtime.output import output_folder
from submission import artifacts
from submission.estimator import Estimator

from .blocks import BLOCK_ROWS, Blocks, count_worlds
from .event_level import event_level
from .study import Size, full_training, study, uniformity
from .tables import OWN, all_tables, sections
from .worlds import WORLDS

SUMMARY = "Whether Model.fit notices that events are not those of the training, and what its own tables reach there."

#: Sets of events that the test's p-values are computed of, and the world that they are of.
TESTS = 50

SEED = 20250509

#: Files that keep what a world and a training in it have given, in the folder of its name, and what runs of `score`.
_ROW, _TRAINED, _RUNS = "world.json", "full-training.json", "event-level.json"

#: Rows of the simulated samples, events as they are and changed ones, and their seed, which no training has.
ROWS, CHANGED_ROWS, SAMPLE_SEED = 8_000_000, 1_000_000, 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--artifacts", type=Path, default=artifacts.FOLDER, metavar="DIR", help="default: submission/artifacts")
    add("--data", type=Path, metavar="DIR", help="simulated events that the artifacts were not made of")
    add("--worlds", type=outputs.some_of("world", WORLDS), default=tuple(WORLDS), metavar="A,B", help="default: all")
    add("--rows", type=_rows, default=ROWS, metavar="N", help=f"events that are only weighted (default {ROWS})")
    more = f"events of each other world, which the networks see anew (default {CHANGED_ROWS})"
    add("--changed-rows", type=_rows, default=CHANGED_ROWS, metavar="N", help=more)
    more = f"training events of a refit, in multiples of {BLOCK_ROWS} (default 1000000,4000000)"
    add("--train", type=_training_rows, default=(1_000_000, 4_000_000), metavar="N,N", help=more)
    add("--samples", type=types.count, default=5, metavar="N", help="of training events of each number (default 5)")
    add("--sets", type=types.count, default=10, metavar="N", help="true values of mu (default 10)")
    add("--experiments", type=types.count, default=500, metavar="N", help="pseudo-experiments of each (default 500)")
    add("--throws", type=types.count, default=20_000, metavar="N", help="behind each belt (default 20000)")
    add("--output", type=Path, default=Path("runs/refit-worlds"), metavar="DIR", help="default: runs/refit-worlds")
    add("--resume", action="store_true", help="keep the worlds, and the counted events, that are there already")
    more = "also show runs of `score` on events of one of the worlds"
    add("--event-level", nargs="+", metavar=("WORLD", "DIR"), help=more)
    more = "also show a training in one of the worlds: its output folder"
    add("--full-training", nargs=2, metavar=("WORLD", "DIR"), help=more)
    types.add_workers_arguments(parser)
    add_docs_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the tables, write refit-worlds.json.

    Raises:
        ChallengeError: --event-level or --full-training names no world or no run, or as `count_worlds`.
    """
    if arguments.full_training and arguments.full_training[0] not in WORLDS:
        raise ChallengeError(f"--full-training takes a world ({', '.join(WORLDS)}) and the output folder of a training")
    if arguments.event_level and (arguments.event_level[0] not in WORLDS or len(arguments.event_level) < 2):
        raise ChallengeError(f"--event-level takes a world ({', '.join(WORLDS)}) and output folders of `score`")
    estimator = load_estimator(arguments.artifacts)
    checksum = load_manifest(arguments.artifacts)["sha256"][artifacts.ESTIMATOR]
    size = Size(arguments.train, arguments.samples, arguments.sets, arguments.experiments, arguments.throws, SEED)
    with output_folder(arguments.output):
        about = {
            "artifacts": checksum,
            "size": outputs.record(size),
            "rows": [arguments.rows, arguments.changed_rows],
            "simulation": generator_version(),
            "data": OfficialFolder(arguments.data).fingerprint() if arguments.data else None,
        }
        outputs.claim(arguments.output / "about.json", about, arguments.resume)
        if arguments.full_training:
            world, folder = arguments.full_training
            (arguments.output / world).mkdir(exist_ok=True)
            write_json(arguments.output / world / _TRAINED, full_training(Path(folder), size.sets))
        if arguments.event_level:
            world, *folders = arguments.event_level
            write_json(arguments.output / _RUNS, event_level(world, [*map(Path, folders)]))
        _add_worlds(arguments, estimator, size)
        worlds = outputs.kept_rows(arguments.output, WORLDS, _ROW)
        for name, row in outputs.kept_rows(arguments.output, worlds, _TRAINED).items():
            worlds[name]["trained"] = row
        result = {"artifacts": checksum, "size": outputs.record(size), "worlds": worlds}
        if (arguments.output / _RUNS).exists():
            result["events"] = read_json(arguments.output / _RUNS)
        write_json(arguments.output / "refit-worlds.json", result)
        print(*(table.text() for table in all_tables(result)), sep="\n\n")
        publish(arguments.docs, "method", sections(result), [arguments.output / "refit-worlds.json"])


def _add_worlds(arguments: argparse.Namespace, estimator: Estimator, size: Size) -> None:
    """Compute the rows of those worlds that the output folder has none of."""
    there = outputs.kept_rows(arguments.output, arguments.worlds, _ROW)
    for names in _families([name for name in arguments.worlds if name not in there]):
        folder, kept = _folder(arguments, WORLDS[names[0]].simulation), arguments.output / "blocks"
        rows = arguments.changed_rows if _sees_anew(names[0]) else arguments.rows
        counted = count_worlds(estimator, folder, names, rows, arguments.workers, kept)
        for name, blocks in counted.items():
            row = _of_world(estimator, name, blocks, size, arguments.workers)
            (arguments.output / name).mkdir(exist_ok=True)
            write_json(arguments.output / name / _ROW, row)


def _sees_anew(name: str) -> bool:
    """Whether the networks see other events in a world than in that of the training, not other weights alone."""
    return WORLDS[name].simulation != DEFAULT or WORLDS[name].change is not None


def _of_world(estimator: Estimator, name: str, blocks: Blocks, size: Size, workers: int | str) -> dict[str, Any]:
    result = {"title": WORLDS[name].title, **study(estimator, blocks, size, workers)}
    return result | ({"tests": uniformity(estimator, blocks, TESTS)} if name == OWN else {})


def _folder(arguments: argparse.Namespace, name: str) -> Path:
    """Events of a variant of the simulation."""
    if arguments.data and name == DEFAULT:
        return arguments.data
    rows = arguments.rows if name == DEFAULT else arguments.changed_rows
    return simulation.cached_folder(rows, SAMPLE_SEED, world=name)


def _families(worlds: list[str]) -> list[tuple[str, ...]]:
    """Worlds whose events are the same, but for their weights, together."""

    def family(name: str) -> tuple[str, int]:
        world = WORLDS[name]
        return world.simulation, 0 if world.change is None else list(WORLDS).index(name)

    return [tuple(names) for _, names in itertools.groupby(sorted(worlds, key=family), family)]


def _rows(text: str) -> int:
    """An argparse type: events of at least two blocks, one for the tables and one for the data."""
    rows = types.count(text)
    if rows < 2 * BLOCK_ROWS:
        raise argparse.ArgumentTypeError(f"{text} is less than two blocks of events: give at least {2 * BLOCK_ROWS}")
    return rows


def _training_rows(text: str) -> tuple[int, ...]:
    """An argparse type: numbers of events that whole blocks have, comma-separated."""
    numbers = tuple(map(types.count, text.split(",")))
    if any(number % BLOCK_ROWS for number in numbers):
        raise argparse.ArgumentTypeError(f"{text}: events are drawn in blocks, give multiples of {BLOCK_ROWS}")
    return numbers
