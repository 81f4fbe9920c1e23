"""Handwritten digits: `python -m experiments digits` (the paper's app. C). An illustration, for the eye.

A flow that models one digit against another beside a plain flow of the same digit: samples of both, and the test images
that the contrastive flows find most and least like their digit.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from experiments.outputs import claim, record
from runtime import files
from runtime.output import output_folder
from submission.arrays import FloatArray
from submission.flows import FlowConfig, evaluate
from training.flows import TrainingConfig, train

from . import figures
from .config import PRESETS
from .images import checksum, from_logits, mnist, small_digits, to_logits, training_rows

SUMMARY = "flows of handwritten digits: samples, most and least signal-like images (paper, app. C)"


# Digit modelled, digit penalised, contrastive strength c; the second is the plain flow beside the first.
FLOWS = ((0, 6, 1.0), (0, 6, 0.0), (8, 0, 1.0), (9, 4, 1.0))

ABOUT_FILE = "digits_settings.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--preset", choices=PRESETS, default="full", help="size of the illustration (default: full)")
    parser.add_argument("--data", type=Path, help="folder of MNIST's four IDX files (default: scikit-learn's digits)")
    parser.add_argument("--output", type=Path, help="folder of the results (default: runs/digits-PRESET)")


def run(arguments: argparse.Namespace) -> None:
    """Train the flows, draw the figures, write digits.json."""
    output = arguments.output or Path(f"runs/digits-{arguments.preset}")
    with output_folder(output):
        _run(arguments, output)


def _run(arguments: argparse.Namespace, output: Path) -> None:
    config = PRESETS[arguments.preset]
    images = mnist(arguments.data) if arguments.data else small_digits()
    claim(output / ABOUT_FILE, record(config) | {"images": checksum(images)}, resume=True)
    rng = np.random.default_rng(0)
    rows = [training_rows(images, digit, config, rng) for digit in range(10)]
    size = min(len(rows[digit]) for flow in FLOWS for digit in flow[:2])
    # The last rows come from other images than the first: they are the validation events.
    signal = np.stack([rows[digit][-size:] for digit, _, _ in FLOWS])
    background = np.stack([rows[other][-size:] for _, other, _ in FLOWS])
    mean, spread = _mean_and_spread(np.concatenate([signal, background]))

    training = TrainingConfig(
        models=("S",) * len(FLOWS),
        strengths=tuple(strength for _, _, strength in FLOWS),
        epochs=config.epochs,
        batch=config.batch,
        learning_rate=2e-3,
        depth=12.0,
    )
    shape = FlowConfig(mean.size, *config.shape)
    signal, background = ((x - mean) / spread for x in (signal, background))
    trained = train(signal, background, shape, training, checkpoint=output / "flows.npz")

    side = images.test.shape[1:]
    samples = from_logits(trained.flow.sample(4 * config.shown, seed=1).numpy() * spread + mean)
    figures.samples(output / "samples.png", samples[:2].reshape(2, -1, *side), FLOWS[:2])

    x = (to_logits(images.test, images.levels, rng) - mean) / spread
    accepted = evaluate(trained.flow, x) - training.boundary(shape.features)
    results = []
    for number, (modelled, penalised, strength) in enumerate(FLOWS):
        of_digit, of_other = (images.test_label == digit for digit in (modelled, penalised))
        if strength:
            order = np.flatnonzero(of_digit)[np.argsort(-accepted[of_digit, number])]
            path = output / f"{modelled}-against-{penalised}.png"
            figures.extremes(path, images.test, order, accepted[:, number] > 0, config.shown, (modelled, penalised))
        results.append(
            {
                "digit": modelled,
                "against": penalised,
                "c": strength,
                "validation_loss": trained.loss[number],
                "accepted_of_digit": float(np.mean(accepted[of_digit, number] > 0)),
                "accepted_of_other": float(np.mean(accepted[of_other, number] > 0)),
                "test_images": [int(of_digit.sum()), int(of_other.sum())],
            }
        )
    summary = {"preset": arguments.preset, "source": images.source, "config": dataclasses.asdict(config)}
    summary |= {"training": dataclasses.asdict(training), "flows": results}
    files.write_json(output / "digits.json", summary)
    print(f"{images.source}; share of the test images that each flow accepts:")
    for flow in results:
        print(
            f"{flow['digit']} against {flow['against']}, c = {flow['c']:g}: {flow['accepted_of_digit']:.1%} of the "
            f"{flow['digit']}s, {flow['accepted_of_other']:.1%} of the {flow['against']}s"
        )


def _mean_and_spread(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    x = x.reshape(-1, x.shape[-1])
    return x.mean(0), x.std(0)
