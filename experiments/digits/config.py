"""Sizes of the illustration."""

from __future__ import annotations

import dataclasses


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

    shape: tuple[int, int, int] = (16, 2, 64)
    copies: int = 30
    images: int = 4000
    epochs: int = 40
    batch: int = 500
    shown: int = 10


PRESETS = {
    "full": DigitsConfig(),
    "smoke": DigitsConfig(shape=(4, 1, 16), copies=2, images=100, epochs=3, batch=50),
}
