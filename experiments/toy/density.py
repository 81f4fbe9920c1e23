"""The learned density against the analytic one (Fig. 1, 2 and app. B)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runtime.tables import Table
from submission.flows import FlowConfig, evaluate
from training.flows import TrainingConfig, train

from . import figures
from .classifiers import train_classifiers
from .config import ToyConfig
from .gaussians import BACKGROUND, SIGNAL, Grid, draw_points

STRENGTHS = (0.5, 1.0, 2.0)


def density_study(config: ToyConfig, output: Path) -> dict[str, Any]:
    """Train a flow per strength and seed, compare each with the analytic density, and draw the figures.

    Returns:
        the training's configuration and, per flow, its c, seed, integrated absolute difference from the analytic
        density and mass beyond the boundary.
    """
    seeds = range(config.density_seeds)
    signal, background = (
        np.stack([draw_points(gaussian, config.events, np.random.default_rng([seed, number])) for seed in seeds])
        for number, gaussian in enumerate((SIGNAL, BACKGROUND))
    )
    strengths = tuple(strength for strength in STRENGTHS for _ in seeds)
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
        flows.append({"c": strength, "seed": number % len(seeds), "difference": difference, "beyond": beyond})

    first = {strength: log_q[:, number * len(seeds)] for number, strength in enumerate(STRENGTHS)}
    both = np.concatenate([signal[:1], background[:1]], 1)
    label = np.arange(2 * config.events)[None] < config.events
    shuffle = np.random.default_rng(3).permutation(2 * config.events)
    classifier = train_classifiers(both[:, shuffle], label[:, shuffle], seed=0)
    figures.density(output / "density.png", grid, first[1.0], classifier, signal[0], background[0])
    figures.strengths(output / "strengths.png", grid, first)
    figures.rotated(output / "rotation.png", grid, first[1.0], classifier, signal[0], background[0])
    return {"training": dataclasses.asdict(training), "flows": flows}


def density_table(flows: Sequence[Mapping[str, Any]]) -> Table:
    """The study's `Table`: per c the mean and the worst over the seeds."""
    rows = []
    for strength in STRENGTHS:
        difference, beyond = (
            np.array([flow[key] for flow in flows if flow["c"] == strength]) for key in ("difference", "beyond")
        )
        good = np.sum((difference <= 0.10) & (beyond <= 0.02))
        rows.append(
            [
                f"{strength:g}",
                f"{difference.mean():.3f} (worst {difference.max():.3f})",
                f"{beyond.mean():.2%} (worst {beyond.max():.2%})",
                f"{good} of {len(difference)}",
            ]
        )
    return Table(("c", "integrated |q - q_c|", "mass beyond the boundary", "seeds within 0.10 and 2%"), rows)
