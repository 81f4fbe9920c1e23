"""Handwritten digits: `python -m experiments digits` (the paper's app. C). An illustration, for the eye.

A flow that models one digit against another beside a plain flow of the same digit: samples of both, and the test images
that the contrastive flows find most and least like their digit.
"""

import dataclasses
import gzip
import hashlib
import math
import struct
from pathlib import Path

import numpy as np
from scipy.special import expit, logit
from sklearn.datasets import load_digits

from experiments import digits_figures
from experiments.results import CONTINUED, claim, record
from runtime import files
from runtime.errors import ChallengeError
from runtime.output import output_folder
from submission.flows import FlowConfig, evaluate
from training.flows import TrainingConfig, train

SUMMARY = "flows of handwritten digits: samples, most and least signal-like images (paper, app. C)"
# Digit modelled, digit penalised, contrastive strength c; the second is the plain flow beside the first.
FLOWS = ((0, 6, 1.0), (0, 6, 0.0), (8, 0, 1.0), (9, 4, 1.0))
ABOUT_FILE = "digits_settings.json"
LOGIT_MARGIN = 0.05  # pixels v in (0, 1) enter the flow as logit(0.05 + 0.9 v)
MOST_PIXELS = 16 * 16  # larger images are averaged over 2 x 2 pixels first
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@dataclasses.dataclass(frozen=True)
class DigitsConfig:
    """Sizes of the illustration.

    Arguments:
        shape: (layers, depth, width) of the flows.
        copies: rows made of each training image, each with its own dequantisation noise.
        images: at most so many training images per digit.
        epochs, batch: of the training.
        shown: images per row of a figure.
    """

    shape: tuple = (16, 2, 64)
    copies: int = 30
    images: int = 4000
    epochs: int = 40
    batch: int = 500
    shown: int = 10


PRESETS = {
    "full": DigitsConfig(),
    "smoke": DigitsConfig(shape=(4, 1, 16), copies=2, images=100, epochs=3, batch=50),
}


@dataclasses.dataclass(frozen=True)
class Images:
    """Grey images of digits.

    Attributes:
        train, test: pixels (images, height, width), whole numbers from 0 to `levels` - 1 (or their averages).
        train_label, test_label: the digits.
        levels: number of grey levels.
        source: where they come from.
    """

    train: np.ndarray
    train_label: np.ndarray
    test: np.ndarray
    test_label: np.ndarray
    levels: int
    source: str


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument("--preset", choices=PRESETS, default="full", help="size of the illustration (default: full)")
    parser.add_argument("--data", type=Path, help="folder of MNIST's four IDX files (default: scikit-learn's digits)")
    parser.add_argument("--output", type=Path, help="folder of the results (default: runs/digits-PRESET)")


def run(arguments):
    """Train the flows, draw the figures, write digits.json."""
    output = arguments.output or Path(f"runs/digits-{arguments.preset}")
    with output_folder(output, CONTINUED):
        _run(arguments, output)


def _run(arguments, output):
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
    standard = [(x - mean) / spread for x in (signal, background)]
    trained = train(*standard, shape, training, checkpoint=output / "flows.pt")

    side = images.test.shape[1:]
    samples = from_logits(trained.flow.sample(4 * config.shown, seed=1).numpy() * spread + mean)
    digits_figures.samples(output / "samples.png", samples[:2].reshape(2, -1, *side), FLOWS[:2])

    x = (to_logits(images.test, images.levels, rng) - mean) / spread
    accepted = evaluate(trained.flow, x) - training.boundary(shape.features)
    results = []
    for number, (modelled, penalised, strength) in enumerate(FLOWS):
        own, other = (images.test_label == digit for digit in (modelled, penalised))
        if strength:
            order = np.flatnonzero(own)[np.argsort(-accepted[own, number])]
            path = output / f"{modelled}-against-{penalised}.png"
            digits_figures.extremes(
                path, images.test, order, accepted[:, number] > 0, config.shown, (modelled, penalised)
            )
        results.append(
            {
                "digit": modelled,
                "against": penalised,
                "c": strength,
                "validation_loss": trained.loss[number],
                "accepted_of_digit": float(np.mean(accepted[own, number] > 0)),
                "accepted_of_other": float(np.mean(accepted[other, number] > 0)),
                "test_images": [int(own.sum()), int(other.sum())],
            }
        )
    summary = {"preset": arguments.preset, "source": images.source, "config": dataclasses.asdict(config)}
    summary |= {"training": dataclasses.asdict(training), "flows": results}
    files.write_json(output / "digits.json", summary)
    print(f"{images.source}; share of the test images that each flow accepts:")
    for r in results:
        print(
            f"{r['digit']} against {r['against']}, c = {r['c']:g}: {r['accepted_of_digit']:.1%} of the "
            f"{r['digit']}s, {r['accepted_of_other']:.1%} of the {r['against']}s"
        )


# Pixels and the flow's coordinates --------------------------------------------------------------------------------


def to_logits(pixels, levels, rng):
    """Make grey levels continuous and unbounded: v = (pixel + noise) / levels, then logit(0.05 + 0.9 v).

    The noise is uniform in [0, 1): a density of v then bounds the probability of the levels, and cannot grow without
    limit on them, as it could on whole numbers.

    Arguments:
        pixels: (images, height, width), from 0 to levels - 1.

    Returns:
        (images, height * width).
    """
    v = (pixels + rng.uniform(size=pixels.shape)) / levels
    return logit(LOGIT_MARGIN + (1 - 2 * LOGIT_MARGIN) * v).reshape(len(pixels), -1)


def from_logits(x):
    """Return grey values between 0 and 1, the inverse of `to_logits` for one level of any height."""
    return np.clip((expit(x) - LOGIT_MARGIN) / (1 - 2 * LOGIT_MARGIN), 0, 1)


def training_rows(images, digit, config, rng):
    """Return `copies` rows per training image of a digit, those of the last fifth of the images at the end."""
    pixels = images.train[images.train_label == digit][: config.images]
    first = math.ceil(0.8 * len(pixels))
    parts = []
    for part in (pixels[:first], pixels[first:]):
        rows = to_logits(np.repeat(part, config.copies, 0), images.levels, rng)
        parts.append(rng.permutation(rows))
    return np.concatenate(parts)


def checksum(images):
    """A text that changes with any of the `Images`."""
    digest = hashlib.sha256(str(images.levels).encode())
    for array in (images.train, images.train_label, images.test, images.test_label):
        digest.update(f"{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def _mean_and_spread(x):
    x = x.reshape(-1, x.shape[-1])
    return x.mean(0), x.std(0)


# Sources ----------------------------------------------------------------------------------------------------------


def small_digits():
    """scikit-learn's 1797 digits of 8 x 8 pixels in 17 levels; every fourth image is for the test."""
    found = load_digits()
    test = np.arange(len(found.target)) % 4 == 3
    source = "scikit-learn's digits (8 x 8)"
    return Images(found.images[~test], found.target[~test], found.images[test], found.target[test], 17, source)


def mnist(folder):
    """MNIST from its four IDX files, gzipped or not, averaged over 2 x 2 pixels.

    Raises:
        ChallengeError: a file is missing, cut short or no IDX file.
    """
    parts = {}
    for part, (image_name, label_name) in FILES.items():
        images, labels = read_idx(folder, image_name), read_idx(folder, label_name)
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise ChallengeError(f"{image_name} and {label_name} in {folder} do not belong together")
        parts[part] = smaller(images.astype(np.float64)), labels
    return Images(*parts["train"], *parts["test"], 256, f"MNIST ({parts['train'][0].shape[1]} pixels wide)")


def smaller(images):
    """Average images (images, height, width) over 2 x 2 pixels until they have at most 16 x 16."""
    while images[0].size > MOST_PIXELS:
        images = images[:, : images.shape[1] // 2 * 2, : images.shape[2] // 2 * 2]
        images = 0.25 * (images[:, ::2, ::2] + images[:, 1::2, ::2] + images[:, ::2, 1::2] + images[:, 1::2, 1::2])
    return images


def read_idx(folder, name):
    """Read the IDX file `name` (or `name`.gz) of unsigned bytes as an array.

    Raises:
        ChallengeError: it is missing, cut short or no such file.
    """
    path = next((p for p in (Path(folder) / name, Path(folder) / f"{name}.gz") if p.exists()), None)
    if path is None:
        raise ChallengeError(f"{folder} holds neither {name} nor {name}.gz: give MNIST's folder with --data")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        dimensions = content[3]
        if content[:3] != b"\x00\x00\x08":
            raise ValueError("no IDX file of unsigned bytes")
        shape = struct.unpack_from(f">{dimensions}I", content, 4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except (OSError, EOFError, ValueError, IndexError, struct.error) as error:
        raise ChallengeError(f"{path} cannot be read as an IDX file ({error})") from error
