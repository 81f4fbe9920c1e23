"""Events of another world as a folder in the official format: `python -m experiments world`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ingestion_test import simulation
from ingestion_test.event_file import Events
from ingestion_test.schema import FEATURES
from ingestion_test.simulation.sample import Block
from ingestion_test.simulation.writer import write_blocks
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import transform
from runtime import arguments as types
from runtime.progress import followed

from .blocks import BLOCK_ROWS
from .worlds import WORLDS, World

SUMMARY = "Write a folder of simulated events that are changed as no nuisance parameter would change them."

#: Worlds that are made of other events; the simulation makes the others itself.
CHANGED = {name: world for name, world in WORLDS.items() if world.change or world.factor}

_SEED = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    titles = "; ".join(f"{name}: {world.title}" for name, world in CHANGED.items()).replace("%", "%%")
    parser.add_argument("world", choices=CHANGED, help=titles)
    parser.add_argument("--data", type=Path, metavar="DIR", help="events that are changed (default: simulated ones)")
    parser.add_argument("--rows", type=types.count, metavar="N", help="of the folder, its first ones (default: all)")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to make")


def run(arguments: argparse.Namespace) -> None:
    """Write the folder."""
    source = OfficialFolder(arguments.data or simulation.cached_folder(), test_share=0)
    rows = min(arguments.rows or source.train_rows, source.train_rows)
    blocks = followed(changed(source, rows, CHANGED[arguments.world]), -(-rows // BLOCK_ROWS), "changing", "block")
    print(write_blocks(arguments.output, rows, blocks, arguments.world))


def events_in(world: World, source: OfficialFolder, first: int, stop: int) -> Iterator[Events]:
    """The rows `first` to `stop` of a folder as they are in a world, block after block."""
    for start in range(first, stop, BLOCK_ROWS):
        primaries, weights, process = source.train_events(start, min(stop, start + BLOCK_ROWS))
        primaries = world.primaries(primaries, np.random.default_rng([_SEED, start]))
        yield Events(primaries, world.weights(primaries, weights, process), process)


def changed(source: OfficialFolder, rows: int, world: World) -> Iterator[Block]:
    """The first `rows` rows of a folder as they are in a `World`, block after block."""
    for primaries, weights, process in events_in(world, source, 0, rows):
        features, _ = transform(primaries, dopostprocess=False)
        yield dict(zip(FEATURES, features.T)) | {"weights": weights.astype(np.float32), "process": process}
