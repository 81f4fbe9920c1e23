"""Handwritten digits: `python -m experiments digits` (the paper's app. C). An illustration, for the eye.

A flow that models one digit against another beside a plain flow of the same digit: samples of both, and the test images
that the contrastive flows find most and least like their digit.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.outputs import checksum, claim, record
from runtime import files
from runtime.documents import add_docs_argument, publish
from runtime.output import output_folder
from runtime.tables import Table
from submission.arrays import BoolArray, FloatArray
from submission.flows import FlowConfig, evaluate
from training.flows import TrainingConfig, train

from . import figures
from .config import PRESETS, DigitsConfig
from .images import Images, from_logits, mnist, small_digits, to_logits, training_rows

SUMMARY = "flows of handwritten digits: samples, most and least signal-like images (paper, app. C)"


# Digit modelled, digit penalised, contrastive strength c; the second is the plain flow beside the first.
FLOWS = ((0, 6, 1.0), (0, 6, 0.0), (8, 0, 1.0), (9, 4, 1.0))

#: File of the figure of samples, and of the figure of test images of each contrastive flow.
SAMPLES, EXTREMES = "samples.png", {flow: f"{flow[0]}-against-{flow[1]}.png" for flow in FLOWS if flow[2]}

#: Files that the page shows or names.
SHOWN = (SAMPLES, *EXTREMES.values(), "digits.json")

ABOUT_FILE = "digits_settings.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--preset", choices=PRESETS, default="full", help="size of the illustration (default: full)")
    parser.add_argument("--data", type=Path, help="folder of MNIST's four IDX files (default: scikit-learn's digits)")
    parser.add_argument("--output", type=Path, help="folder of the results (default: runs/digits-PRESET)")
    add_docs_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train the flows, draw the figures, write digits.json."""
    output = arguments.output or Path(f"runs/digits-{arguments.preset}")
    with output_folder(output):
        _run(arguments, output)


def _run(arguments: argparse.Namespace, output: Path) -> None:
    config = PRESETS[arguments.preset]
    images = mnist(arguments.data) if arguments.data else small_digits()
    about = images.levels, images.train, images.train_label, images.test, images.test_label
    claim(output / ABOUT_FILE, record(config) | {"images": checksum(*about)}, resume=True)
    rng = np.random.default_rng(0)
    signal, background, mean, spread = _training_events(images, config, rng)
    training = TrainingConfig(
        models=("S",) * len(FLOWS),
        strengths=tuple(strength for _, _, strength in FLOWS),
        epochs=config.epochs,
        batch=config.batch,
        learning_rate=2e-3,
        depth=12.0,
    )
    shape = FlowConfig(mean.size, *config.shape)
    trained = train(signal, background, shape, training, checkpoint=output / "flows.npz")

    samples = from_logits(trained.flow.sample(4 * config.shown, seed=1).numpy() * spread + mean)
    figures.samples(output / SAMPLES, samples[:2].reshape(2, -1, *images.test.shape[1:]), FLOWS[:2])
    x = (to_logits(images.test, images.levels, rng) - mean) / spread
    above = (evaluate(trained.flow, x) - training.boundary(shape.features)).T
    for flow, of_flow in zip(FLOWS, above):
        if flow in EXTREMES:
            _draw_extremes(output / EXTREMES[flow], images, flow, of_flow, config.shown)
    flows = [
        _accepted(images, flow, of_flow > 0) | {"validation_loss": loss}
        for flow, loss, of_flow in zip(FLOWS, trained.loss, above)
    ]
    result = {"preset": arguments.preset, "source": images.source, "config": dataclasses.asdict(config)}
    result |= {"training": dataclasses.asdict(training), "flows": flows}
    files.write_json(output / "digits.json", result)
    print(table(result).text())
    publish(arguments.docs, "digits", sections(result), [output / name for name in SHOWN])


def _training_events(
    images: Images, config: DigitsConfig, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """What the flows learn from: signal and background (flows, rows, pixels), and the mean and spread taken off them.

    The last rows come from other images than the first: they are the validation events.
    """
    rows = [training_rows(images, digit, config, rng) for digit in range(10)]
    size = min(len(rows[digit]) for flow in FLOWS for digit in flow[:2])
    signal = np.stack([rows[digit][-size:] for digit, _, _ in FLOWS])
    background = np.stack([rows[other][-size:] for _, other, _ in FLOWS])
    both = np.concatenate([signal, background]).reshape(-1, signal.shape[-1])
    mean, spread = both.mean(0), both.std(0)
    return (signal - mean) / spread, (background - mean) / spread, mean, spread


def _draw_extremes(path: Path, images: Images, flow: tuple[int, int, float], above: FloatArray, shown: int) -> None:
    """Draw the test images of a flow's digit by `above`, array (test images,): how far log q is above the boundary."""
    digit, other, _ = flow
    of_digit = images.test_label == digit
    order = np.flatnonzero(of_digit)[np.argsort(-above[of_digit])]
    figures.extremes(path, images.test, order, above > 0, shown, (digit, other))


def _accepted(images: Images, flow: tuple[int, int, float], accepted: BoolArray) -> dict[str, Any]:
    """Shares of the test images of a flow's two digits that it accepts; `accepted` is (test images,)."""
    digit, other, strength = flow
    of_digit, of_other = (images.test_label == label for label in (digit, other))
    return {
        "digit": digit,
        "against": other,
        "c": strength,
        "accepted_of_digit": float(np.mean(accepted[of_digit])),
        "accepted_of_other": float(np.mean(accepted[of_other])),
        "test_images": [int(of_digit.sum()), int(of_other.sum())],
    }


def table(result: Mapping[str, Any]) -> Table:
    """What each flow accepts of the test images."""
    rows = []
    for flow in result["flows"]:
        shares = flow["accepted_of_digit"], flow["accepted_of_other"]
        numbers = [f"{share:.1%} of {images}" for share, images in zip(shares, flow["test_images"])]
        rows.append((f"{flow['digit']} against {flow['against']}", f"{flow['c']:g}", *numbers))
    head = ("flow", "c", "accepted of its digit", "accepted of the other")
    return Table(head, rows, f"Test images that each flow accepts: {result['source']}")


def sections(result: Mapping[str, Any]) -> dict[str, str]:
    """What digits.json makes of the page: section -> Markdown."""
    return {"accepted": table(result).markdown()}
