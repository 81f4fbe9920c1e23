"""The figures of the digits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.plotting import panels, save
from submission.arrays import BoolArray, FloatArray, IntArray


def samples(path: Path, images: FloatArray, flows: Sequence[tuple[int, int, float]]) -> None:
    """Samples of the flows side by side; images (flows, samples, height, width), flows as in `command.FLOWS`."""
    figure, axes = panels(1, len(images), (5 * len(images), 2.2))
    for axis, of_flow, (digit, other, strength) in zip(axes, images, flows):
        axis.imshow(_tiled(of_flow, rows=4), cmap="gray_r", interpolation="nearest")
        name = (
            f"contrastive flow of {digit} against {other}, c = {strength:g}" if strength else f"plain flow of {digit}"
        )
        axis.set(title=name, xticks=[], yticks=[])
    save(figure, path)


def extremes(
    path: Path, images: FloatArray, order: IntArray, accepted: BoolArray, shown: int, pair: tuple[int, int]
) -> None:
    """Test images of the modelled digit: the correctly classified with the highest, the others with the lowest log q.

    Arguments:
        images: all test images (images, height, width).
        order: indices of those of the modelled digit, by falling log q.
        accepted: per test image, whether the flow accepts it.
        shown: images per row.
        pair: digit modelled and digit penalised.
    """
    right, wrong = order[accepted[order]][:shown], order[~accepted[order]][::-1][:shown]
    figure, axes = panels(2, size=(0.8 * shown, 2.6))
    digit, other = pair
    rows = ((right, f"{digit}s least like {other}s: accepted, highest log q"), (wrong, "rejected, lowest log q"))
    for axis, (chosen, title) in zip(axes, rows):
        blank = np.zeros((shown, *images.shape[1:]))
        blank[: len(chosen)] = images[chosen]
        axis.imshow(_tiled(blank, rows=1), cmap="gray_r", interpolation="nearest")
        axis.set(title=f"{title} ({len(chosen)} shown)", xticks=[], yticks=[])
    save(figure, path)


def _tiled(images: FloatArray, rows: int) -> FloatArray:
    """Lay images (images, height, width) out in rows, a pixel apart: one picture."""
    images = np.pad(images, ((0, 0), (0, 1), (0, 1)))
    height, width = images.shape[1:]
    columns = len(images) // rows
    return images[: rows * columns].reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, -1)
