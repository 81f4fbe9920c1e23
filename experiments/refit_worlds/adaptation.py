"""Whether networks that go on learning in a world are worth it: `python -m experiments adapt`.

The shipped classifier goes on from its weights on events of a world, with gate and flows as they are. Other events of
that world say what its scores are worth before and after: the Cramér-Rao width of their slices (`trainings`). New
templates and a new belt are needed either way, so the ratio of the widths is what there is to gain over these alone.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from experiments import outputs
from experiments.trained_artifacts import load_estimator, load_manifest
from experiments.trainings import MUS, scored
from ingestion_test import simulation
from ingestion_test.simulation.worlds import DEFAULT
from ingestion_test.sources import OfficialFolder
from runtime import arguments as types
from runtime.documents import add_docs_argument, publish
from runtime.errors import ChallengeError
from runtime.files import write_json
from runtime.output import output_folder
from runtime.tables import Table
from runtime.tasks import completed
from submission import artifacts
from submission.category_network import CategoryModel, arrays_of, load_arrays
from submission.classifier import Classifier, Ensemble
from submission.score import Scorer
from training.classifier import ClassifierConfig, Labelled, train
from training.networks import plain_inputs
from training.perturbed import PerturbedEvents, perturbed
from training.samples import Sample

from .changed_events import events_in
from .command import SAMPLE_SEED
from .worlds import WORLDS

SUMMARY = "What the classifier gains if it goes on learning in another world, over new templates alone."

#: Rows of the events that the networks learn from, and of those that are scored.
ROWS = 2_000_000

#: How it goes on: few steps, each of many events.
_CONFIG = ClassifierConfig(batch=2000, epochs=1, averaging=0.94)
_PASSES, _BLOCK, _SEED = 2, 2000, 12

#: Parts of the scored events of which one is left out at a time, for the error of the gain.
_PARTS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--artifacts", type=Path, default=artifacts.FOLDER, metavar="DIR", help="default: submission/artifacts")
    add("--data", type=Path, metavar="DIR", help="simulated events that the artifacts were not made of")
    worlds = ("own", "waves-20", "hard")
    add("--worlds", type=outputs.some_of("world", WORLDS), default=worlds, metavar="A,B", help=f"default: {worlds}")
    add(
        "--rows", type=types.count, default=ROWS, metavar="N", help=f"learned from, and as many scored (default {ROWS})"
    )
    rates = (3e-5, 1e-4, 3e-4)
    add("--rates", type=_rates, default=rates, metavar="X,X", help=f"learning rates (default: {rates})")
    add("--output", type=Path, default=Path("runs/adaptation"), metavar="DIR", help="default: runs/adaptation")
    types.add_workers_arguments(parser)
    add_docs_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the table, write adaptation.json."""
    scorer = load_estimator(arguments.artifacts).histogram.scorer
    with output_folder(arguments.output):
        tasks = [
            partial(_of_world, scorer, name, _folder(arguments, name), arguments.rows, arguments.rates)
            for name in arguments.worlds
        ]
        rows = [row for of_world in completed(tasks, arguments.workers, "worlds", "world") for row in of_world]
        checksum = load_manifest(arguments.artifacts)["sha256"][artifacts.ESTIMATOR]
        result = {"artifacts": checksum, "rows": [asdict(row) for row in rows]}
        write_json(arguments.output / "adaptation.json", result)
        print(table(rows).text())
        publish(arguments.docs, "method", sections(result), [arguments.output / "adaptation.json"])


@dataclass(frozen=True)
class Row:
    """What going on has changed.

    Arguments:
        world: its name.
        rows: that were learned from.
        rate: the learning rate.
        seconds: CPU time of it, training events included.
        before, after: 2 sigma at each of `trainings.MUS`.
        gain, gain_error: 1 - after / before at each, and its statistical error.
    """

    world: str
    rows: int
    rate: float
    seconds: float
    before: list[float]
    after: list[float]
    gain: list[float]
    gain_error: list[float]


def _of_world(scorer: Scorer, name: str, folder: Path, rows: int, rates: Sequence[float]) -> list[Row]:
    source = OfficialFolder(folder, test_share=0)
    if source.train_rows < 2 * rows:
        raise ChallengeError(f"{source} has fewer than {2 * rows:,} rows: give fewer --rows, or other --data")
    start = time.process_time()
    training = training_events(scorer, events_of(source, name, 0, rows))
    common, test = time.process_time() - start, events_of(source, name, rows, 2 * rows).with_jets()
    results = []
    for rate in rates:
        start = time.process_time()
        after = replace(scorer, classifier=gone_on(scorer.classifier, training, rate))
        seconds = common + time.process_time() - start
        results.append(Row(name, rows, rate, seconds, *compared(scorer, after, test)))
    return results


def events_of(source: OfficialFolder, name: str, first: int, stop: int) -> Sample:
    """The rows `first` to `stop` of a folder as they are in a world: `Sample`."""
    parts = [
        (primaries, len(process) / (stop - first) * weights, process)  # each block has the yields of the whole
        for primaries, weights, process in events_in(WORLDS[name], source, first, stop)
    ]
    return Sample(*map(np.concatenate, zip(*parts)))


def training_events(scorer: Scorer, sample: Sample) -> Labelled:
    """What the classifier reads of events, at random nuisance parameters."""
    events = PerturbedEvents(lambda: sample, len(sample.weights), _BLOCK, _PASSES, _SEED, stream=0)
    return perturbed(events, partial(plain_inputs, scorer))


def gone_on(classifier: Any, training: Labelled, rate: float) -> CategoryModel:
    """The classifier after some steps more, of each of its members."""
    members = classifier.members if isinstance(classifier, Ensemble) else (classifier,)

    class Continued(Classifier):
        """A network that starts with the weights of the member of its number."""

        def __init__(self, inputs: Sequence[int], width: int, depth: int, seed: int) -> None:
            super().__init__(inputs, width, depth)
            load_arrays(self, arrays_of(members[seed]))

    class ContinuedEnsemble(Ensemble):
        """An ensemble of these."""

        member = Continued

    shape = members[0].shape
    config = replace(_CONFIG, members=len(members), width=shape["width"], depth=shape["depth"], learning_rate=rate)
    return train(training, training, config, ensemble=ContinuedEnsemble).classifier


def compared(before: Scorer, after: Scorer, test: Sample) -> tuple[list[float], list[float], list[float], list[float]]:
    """Widths before and after, the gain and its error, at each of `trainings.MUS`; the error is that of a jackknife."""
    events = scored([before, after], test)
    widths = np.array(events.widths())
    number = np.arange(len(events.place)) * _PARTS // len(events.place)
    others = [events.part(np.flatnonzero(number != part)).widths() for part in range(_PARTS)]
    gains = np.array([1 - there / here for here, there in np.array(others)])
    error = np.sqrt((_PARTS - 1) * gains.var(axis=0))
    return widths[0].tolist(), widths[1].tolist(), (1 - widths[1] / widths[0]).tolist(), error.tolist()


def table(rows: Sequence[Row]) -> Table:
    """A line for each world and learning rate."""
    lines = []
    one = MUS.index(1.0)
    for row in rows:
        gains = [f"{gain:+.1%} ± {error:.1%}" for gain, error in zip(row.gain, row.gain_error)]
        widths = f"{row.before[one]:.4f}", f"{row.after[one]:.4f}"
        lines.append((row.world, f"{row.rows:,}", f"{row.rate:g}", f"{row.seconds:.0f}", *widths, *gains))
    heads = [f"shorter at μ = {mu:g}" for mu in MUS]
    head = ("world", "rows", "learning rate", "CPU, s", "shipped, μ = 1", "adapted, μ = 1", *heads)
    return Table(head, lines, "A classifier that goes on learning in the world")


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What adaptation.json makes of the page: section -> Markdown."""
    return {"adaptation": table([Row(**row) for row in result["rows"]]).markdown()}


def _folder(arguments: argparse.Namespace, name: str) -> Path:
    world = WORLDS[name].simulation
    if arguments.data and world == DEFAULT:
        return Path(arguments.data)
    return simulation.cached_folder(2 * arguments.rows, SAMPLE_SEED, world=world)


def _rates(text: str) -> tuple[float, ...]:
    """An argparse type: learning rates, comma-separated."""
    with contextlib.suppress(ValueError):
        rates = tuple(map(float, text.split(",")))
        if all(0 < rate < 1 for rate in rates):
            return rates
    raise argparse.ArgumentTypeError(f"{text!r}: give learning rates between 0 and 1, comma-separated")
