"""Training and prediction on a graphics card beside the CPU: `python -m benchmarks.gpu`, two minutes.

Training: flows and classifier of the presets take the same steps on the same events from the same initial weights on
both. Printed are the wall time of a step, the validation losses, and how far apart the weights end: the distance of
both final weights, as a share of the way that they have gone from the initial ones. Rounding alone makes a distance,
which grows with the steps.

Prediction: 1, 4 and 8 processes predict the same pseudo-experiments of a million events with the shipped weights, all
at a time. Printed are the wall time, memory, and the largest difference of mu_hat, in standard deviations, from the
CPU's. The events are those of the small simulated sample, so nothing needs to be there.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import training.classifier
import training.flows
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.pseudo_experiments import make_test_set
from ingestion_test.schema import FEATURES, PROCESSES, SIGNAL
from ingestion_test.simulation import cached_folder
from ingestion_test.sources import OfficialFolder
from ingestion_test.systematics import transform
from runtime.errors import run_command
from runtime.files import write_json
from runtime.tables import Table
from submission import artifacts
from submission.arrays import Columns, FloatArray
from submission.estimator import Estimator
from submission.features import CATEGORIES, Standardisation, categories, features
from submission.features import FEATURES as READ
from submission.score import VIEWS
from training.classifier import LabelledEvents
from training.config import PRESETS
from training.devices import usable_device

#: Passes of a training over its events.
EPOCHS = 2

#: A training's changes of its configuration and its device, and what it leaves: the network and the validation losses.
Train = Callable[[str, dict[str, Any]], tuple[torch.nn.Module, list[float]]]

#: Seconds that processes wait for each other.
_PATIENCE = 300.0

_MEBI = 2.0**20


@dataclass(frozen=True)
class TrainingResult:
    """The same training on the CPU and on the device: seconds per step, last validation losses, distance of weights."""

    name: str
    steps: int
    cpu_seconds: float
    device_seconds: float
    cpu_loss: float
    device_loss: float
    distance: float


@dataclass(frozen=True)
class PredictionResult:
    """What so many processes on a device took.

    Attributes:
        seconds: wall seconds per pseudo-experiment, all processes together.
        allocated, used: MiB of the card for each process: the most that its arrays took, and all that it holds.
        difference: largest difference of mu_hat from the CPU's, in standard deviations.
    """

    device: str
    workers: int
    seconds: float
    allocated: float
    used: float
    difference: float


def labelled_events(folder: Path) -> tuple[Columns, FloatArray]:
    """The training rows of a folder as a model sees them: columns and labels, arrays (events,)."""
    source = OfficialFolder(folder)
    events = source.train_events(0, source.train_rows)
    values, kept = transform(events.primaries)
    labels = np.equal(events.process[kept], PROCESSES.index(SIGNAL)).astype(np.float32)
    return dict(zip(FEATURES, values.T)), labels


def drawn(columns: Columns, labels: FloatArray, number: int, each: int, seed: int) -> tuple[Columns, FloatArray]:
    """`each` signal and as many background events of category `number`, drawn with replacement, signal first."""
    random, which = np.random.default_rng([seed, number]), categories(columns)
    rows = np.concatenate(
        [random.choice(np.flatnonzero((which == number) & (labels == label)), each) for label in (1, 0)]
    )
    return {name: values[rows] for name, values in columns.items()}, labels[rows]


def flows_training(preset: str, columns: Columns, labels: FloatArray, steps: int) -> Train:
    """The training of a preset's flows of the last category, `steps` of them in each epoch."""
    config = PRESETS[preset].networks.flows
    assert config is not None, f"the preset {preset} has flows"
    number, category = len(CATEGORIES) - 1, CATEGORIES[-1]
    names, view = VIEWS[config.view]
    each = config.training.batch * steps
    pairs = []
    for seed, size in enumerate((each, config.training.batch)):
        values = view(drawn(columns, labels, number, size, seed)[0], category)
        values = Standardisation.of(names[category], values)(values)
        pairs.append((values[:size], values[size:]))

    def train(device: str, changes: dict[str, Any]) -> tuple[torch.nn.Module, list[float]]:
        settings, shape = replace(config.training, **changes), config.flow_config(len(names[category]))
        trained = training.flows.train(*pairs[0], shape, settings, device=device, validation=pairs[1])
        return trained.flow, [float(np.mean(record["validation"])) for record in trained.history]

    return train


def classifier_training(preset: str, columns: Columns, labels: FloatArray, steps: int) -> Train:
    """The training of a preset's classifier on features alone, `steps` of them in each epoch."""
    config = replace(PRESETS[preset].networks.classifier, averaging=0.1)  # there are few steps
    samples: list[dict[str, LabelledEvents]] = []
    for seed in range(2):
        sample = {}
        for number, category in enumerate(CATEGORIES):
            chosen, truth = drawn(columns, labels, number, config.batch * steps // 4, seed)
            values = features(chosen, category)
            inputs = Standardisation.of(READ[category], values)(values)
            sample[category] = LabelledEvents(inputs, truth, np.ones_like(truth))
        samples.append(sample)

    def train(device: str, changes: dict[str, Any]) -> tuple[torch.nn.Module, list[float]]:
        trained = training.classifier.train(
            samples[0], samples[1], replace(config, members=1, **changes), device=device
        )
        assert isinstance(trained.classifier, torch.nn.Module)
        return trained.classifier, [float(record["validation"]) for record in trained.history]

    return train


def compare_training(name: str, train: Train, device: str, steps: int) -> TrainingResult:
    """Train on the CPU and on `device`, and compare."""
    # A rate that changes no weight gives the initial ones, and has the device ready.
    start = _weights(train(device, {"epochs": 1, "learning_rate": 1e-30})[0])
    weights, losses, seconds = [], [], []
    for place in ("cpu", device):
        begin = time.perf_counter()
        network, history = train(place, {"epochs": EPOCHS})
        weights.append(_weights(network))
        seconds.append((time.perf_counter() - begin) / (EPOCHS * steps))
        losses.append(history[-1])
    distance = np.linalg.norm(weights[1] - weights[0]) / np.linalg.norm(weights[0] - start)
    return TrainingResult(name, EPOCHS * steps, seconds[0], seconds[1], losses[0], losses[1], float(distance))


def _weights(network: torch.nn.Module) -> FloatArray:
    return np.concatenate([values.detach().cpu().numpy().ravel() for values in network.parameters()]).astype(float)


def save_test_sets(folder: Path, data: Path, sets: int) -> list[Path]:
    """Write the features of pseudo-experiments, from the events in `data`, into files for processes to map."""
    test_events, paths = OfficialFolder(data).test_events(), []
    for seed in range(sets):
        nuisance = draw_nuisance_parameters(seed, NUISANCE_NAMES)
        paths.append(folder / f"{seed}.npy")
        np.save(paths[-1], make_test_set(test_events, 1.0, nuisance, seed)["data"].to_numpy().astype(np.float32))
    return paths


def _test_set(path: Path) -> tuple[pd.DataFrame, FloatArray]:
    features = np.load(path, mmap_mode="r")
    return pd.DataFrame(features, columns=list(FEATURES), copy=False), np.ones(len(features))


def _estimator(device: str) -> Estimator:
    estimator = artifacts.load()
    estimator.histogram.scorer.to(device)
    return estimator


def moved_events(paths: Sequence[Path], device: str) -> float:
    """Share of the events that fall into another bin on `device` than on the CPU."""
    own, other = (_estimator(place) for place in ("cpu", device))
    moved, events = 0, 0
    for path in paths:
        data, _ = _test_set(path)
        moved += int(np.sum(own.histogram.bins_of(data) != other.histogram.bins_of(data)))
        events += len(data)
    return moved / events


_barrier: Barrier


def _begin(barrier: Barrier, threads: int) -> None:
    global _barrier
    _barrier = barrier
    torch.set_num_threads(threads)


def _predict(paths: Sequence[Path], device: str) -> tuple[float, float, list[tuple[float, float]], float, float]:
    """One process's part: start, stop, (mu_hat, sigma) of each set, bytes that arrays took, bytes used of the card."""
    estimator, on_card = _estimator(device), torch.device(device).type == "cuda"
    sets = [_test_set(path) for path in paths]
    estimator.estimate(*sets[0])
    _barrier.wait(_PATIENCE)
    start = time.monotonic()
    estimates = [estimator.estimate(*test_set) for test_set in sets]
    stop = time.monotonic()
    _barrier.wait(_PATIENCE)
    allocated, used = (float(torch.cuda.max_memory_allocated()), _used_of_card()) if on_card else (0.0, 0.0)
    _barrier.wait(_PATIENCE)  # all are there while the memory is read
    return start, stop, [(estimate.mu_hat, estimate.sigma) for estimate in estimates], allocated, used


def _used_of_card() -> float:
    free, total = torch.cuda.mem_get_info()
    return float(total - free)


def predict(paths: Sequence[Path], workers: int, devices: Sequence[str]) -> list[PredictionResult]:
    """Predict the test sets in each of so many processes, on one device after the other, the CPU first."""
    spawn = multiprocessing.get_context("spawn")
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    results, reference = [], np.empty(0)
    with spawn.Pool(workers, _begin, (spawn.Barrier(workers), threads)) as pool:
        for device in devices:
            before = _used_of_card() if torch.device(device).type == "cuda" else 0.0
            parts = pool.map(partial(_predict, paths), [device] * workers, chunksize=1)
            starts, stops, estimates, allocated, used = zip(*parts)
            mu_hat, sigma = np.moveaxis(np.array(estimates), 2, 0)
            reference = reference if len(reference) else mu_hat[0]
            results.append(
                PredictionResult(
                    device,
                    workers,
                    (max(stops) - min(starts)) / (workers * len(paths)),
                    max(allocated) / _MEBI,
                    (max(used) - before) / workers / _MEBI,
                    float(np.max(np.abs(mu_hat - reference) / sigma)),
                )
            )
    return results


def training_table(results: Sequence[TrainingResult], device: str) -> Table:
    """The trainings as lines."""
    rows = [
        (
            result.name,
            str(result.steps),
            f"{1e3 * result.cpu_seconds:.1f}",
            f"{1e3 * result.device_seconds:.1f}",
            f"{result.cpu_seconds / result.device_seconds:.1f}",
            f"{result.cpu_loss:.5f}",
            f"{result.device_loss:.5f}",
            f"{result.distance:.1e}",
        )
        for result in results
    ]
    head = ("training", "steps", "CPU, ms each", f"{device}, ms each", "ratio")
    return Table((*head, "CPU loss", f"{device} loss", "distance of weights"), rows)


def prediction_table(results: Sequence[PredictionResult]) -> Table:
    """The predictions as lines."""
    rows = [
        (
            result.device,
            str(result.workers),
            f"{1e3 * result.seconds:.0f}",
            f"{result.allocated:.0f}",
            f"{result.used:.0f}",
            f"{result.difference:.1e}",
        )
        for result in results
    ]
    memory = ("arrays, MiB each", "card, MiB each")
    return Table(("device", "processes", "ms per pseudo-experiment", *memory, "mu_hat, sigmas from CPU"), rows)


def measure(device: str, presets: Sequence[str], steps: int, workers: Sequence[int], sets: int) -> dict[str, Any]:
    """All measurements, printed as they come; what JSON can hold of them."""
    name = torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else "no card"
    print(f"{device}: {name}; {torch.get_num_threads()} threads of the CPU train", flush=True)
    data = cached_folder("small")
    columns, labels = labelled_events(data)
    trainings = []
    for preset in presets:
        for what, make in (("flows", flows_training), ("classifier", classifier_training)):
            train = make(preset, columns, labels, steps)
            trainings.append(compare_training(f"{preset}: {what}", train, device, steps))
    print(training_table(trainings, device).text(), flush=True)
    predictions: list[PredictionResult] = []
    with tempfile.TemporaryDirectory() as work:
        paths = save_test_sets(Path(work), data, sets)
        moved = moved_events(paths, device)
        for number in workers:
            predictions += predict(paths, number, ("cpu", device))
    print(prediction_table(predictions).text())
    print(f"events in another bin than on the CPU: {moved:.1e} of all")
    return {
        "device": name,
        "moved": moved,
        "trainings": [asdict(result) for result in trainings],
        "predictions": [asdict(result) for result in predictions],
    }


def main() -> None:
    """Print the tables and keep the numbers."""
    program = "python -m benchmarks.gpu"
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__.splitlines()[0], epilog=f"example: {program} --docs docs"
    )
    parser.add_argument("--device", default="cuda", help="what is compared with the CPU (default: cuda)")
    parser.add_argument(
        "--presets", default="default,paper", help="whose networks are trained (default: default,paper)"
    )
    parser.add_argument("--steps", type=int, default=20, help="of each epoch, of which there are two (default: 20)")
    parser.add_argument("--workers", default="1,4,8", help="processes that predict at a time (default: 1,4,8)")
    parser.add_argument("--sets", type=int, default=4, help="pseudo-experiments that each predicts (default: 4)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
    parser.add_argument("--docs", type=Path, metavar="DIR", help="also write the numbers to DIR/performance/gpu.json")
    parser.set_defaults(command=_command)
    raise SystemExit(run_command(parser.parse_args(), program))


def _command(flags: argparse.Namespace) -> None:
    usable_device(flags.device)
    workers = [int(number) for number in flags.workers.split(",")]
    numbers = measure(flags.device, flags.presets.split(","), flags.steps, workers, flags.sets)
    for path in filter(None, (flags.json, flags.docs and flags.docs / "performance" / "gpu.json")):
        write_json(path, numbers)


if __name__ == "__main__":
    main()
