"""Images of digits: where they come from, and the coordinates in which flows see them."""

from __future__ import annotations

import dataclasses
import gzip
import math
import struct
from pathlib import Path

import numpy as np
from scipy.special import expit, logit
from sklearn.datasets import load_digits

from runtime.errors import ChallengeError
from submission.arrays import FloatArray, IntArray

from .config import DigitsConfig

LOGIT_MARGIN = 0.05  # pixels v in (0, 1) enter the flow as logit(0.05 + 0.9 v)

MOST_PIXELS = 16 * 16  # larger images are averaged over 2 × 2 pixels first

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
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

    train: FloatArray
    train_label: IntArray
    test: FloatArray
    test_label: IntArray
    levels: int
    source: str


def small_digits() -> Images:
    """scikit-learn's 1797 digits of 8 × 8 pixels in 17 levels; every fourth image is for the test."""
    digits = load_digits()
    test = np.arange(len(digits.target)) % 4 == 3
    source = "scikit-learn's digits (8 × 8)"
    return Images(digits.images[~test], digits.target[~test], digits.images[test], digits.target[test], 17, source)


def mnist(folder: str | Path) -> Images:
    """MNIST from its four IDX files, gzipped or not, averaged over 2 × 2 pixels.

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


def smaller(images: FloatArray) -> FloatArray:
    """Average images (images, height, width) over 2 × 2 pixels until they have at most 16 × 16."""
    while images[0].size > MOST_PIXELS:
        images = images[:, : images.shape[1] // 2 * 2, : images.shape[2] // 2 * 2]
        images = 0.25 * (images[:, ::2, ::2] + images[:, 1::2, ::2] + images[:, ::2, 1::2] + images[:, 1::2, 1::2])
    return images


def read_idx(folder: str | Path, name: str) -> IntArray:
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


def to_logits(pixels: FloatArray, levels: int, rng: np.random.Generator) -> FloatArray:
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


def from_logits(x: FloatArray) -> FloatArray:
    """Return grey values between 0 and 1, the inverse of `to_logits` for one level of any height."""
    return np.clip((expit(x) - LOGIT_MARGIN) / (1 - 2 * LOGIT_MARGIN), 0, 1)


def training_rows(images: Images, digit: int, config: DigitsConfig, rng: np.random.Generator) -> FloatArray:
    """Return `copies` rows per training image of a digit, those of the last fifth of the images at the end."""
    pixels = images.train[images.train_label == digit][: config.images]
    first = math.ceil(0.8 * len(pixels))
    parts = []
    for part in (pixels[:first], pixels[first:]):
        rows = to_logits(np.repeat(part, config.copies, 0), images.levels, rng)
        parts.append(rng.permutation(rows))
    return np.concatenate(parts)
