"""The learned density against the analytic one (Fig. 1, 2 and app. B)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from submission.arrays import FloatArray
from submission.flows import FlowConfig, evaluate
from training.flows import TrainingConfig, train

from . import figures
from .classifiers import train_classifiers
from .config import ToyConfig
from .gaussians import Gaussian, Grid, draw_points, of_both

STRENGTHS = (0.5, 1.0, 2.0)


def plane_samples(config: ToyConfig) -> tuple[FloatArray, FloatArray]:
    """Signal and background that the flows of the density study learn from, each (seeds, events, 2)."""

    def draw(gaussian: Gaussian, number: int, seed: int) -> FloatArray:
        return draw_points(gaussian, config.events, np.random.default_rng([seed, number]))

    return of_both(draw, config.density_seeds)


def density_study(config: ToyConfig, signal: FloatArray, background: FloatArray, output: Path) -> dict[str, Any]:
    """Train a flow per strength and seed, compare each with the analytic density, and draw the figures.

    Arguments:
        config: `ToyConfig`.
        signal, background: as from `plane_samples`.
        output: folder of figures and checkpoint.

    Returns:
        the training's configuration and, per flow, its c, seed, integrated absolute difference from the analytic
        density and mass beyond the boundary.
    """
    seeds = len(signal)
    strengths = tuple(strength for strength in STRENGTHS for _ in range(seeds))
    training = TrainingConfig(
        models=("S",) * len(strengths),
        strengths=strengths,
        batch=config.plane_batch,
        epochs=config.plane_epochs,
        patience=config.plane_epochs,
        learning_rate=5e-3,
        depth=8.0,
    )
    copies = (len(STRENGTHS), 1, 1)  # the same samples for each strength
    trained = train(
        np.tile(signal, copies),
        np.tile(background, copies),
        FlowConfig(2, *config.plane),
        training,
        checkpoint=output / "density.npz",
    )
    grid = Grid()
    log_q = evaluate(trained.flow, grid.points)
    flows = []
    for number, strength in enumerate(strengths):
        difference, beyond = grid.distance(log_q[:, number], strength)
        flows.append({"c": strength, "seed": number % seeds, "difference": difference, "beyond": beyond})
    first = {strength: log_q[:, number * seeds] for number, strength in enumerate(STRENGTHS)}
    _draw(output, grid, first, signal[0], background[0])
    return {"training": dataclasses.asdict(training), "flows": flows}


def _draw(
    output: Path, grid: Grid, log_q: Mapping[float, FloatArray], signal: FloatArray, background: FloatArray
) -> None:
    """Draw the flows of one seed, whose values on the grid `log_q` holds per c, beside a classifier of its samples."""
    is_signal = np.arange(2 * len(signal)) < len(signal)
    shuffle = np.random.default_rng(3).permutation(len(is_signal))
    events = np.concatenate([signal, background])
    classifier = train_classifiers(events[None, shuffle], is_signal[None, shuffle], seed=0)
    figures.density(output / "density.png", grid, log_q[1.0], classifier, signal, background)
    figures.strengths(output / "strengths.png", grid, log_q)
    figures.rotated(output / "rotation.png", grid, log_q[1.0], classifier, signal, background)
