"""Sizes of the toy studies."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class ToyConfig:
    """Sizes of the studies.

    Arguments:
        events: of each class in the unperturbed training samples (paper: 30,000).
        perturbed: events of both classes together in the perturbed training samples (paper: 10,000).
        tests: test events of each class per seed and value of nu.
        density_seeds, network_seeds: number of seeds of the two studies.
        plane, space: (layers, depth, width) of the flows in 2 and in 10 dimensions; the paper's are (30, 5, 64).
        plane_batch, space_batch: events of each class per step of the flows' training.
        plane_epochs, space_epochs: passes over the training events.
        points: values of nu per curve.
    """

    events: int = 30_000
    perturbed: int = 10_000
    tests: int = 10_000
    density_seeds: int = 10
    network_seeds: int = 6
    plane: tuple[int, int, int] = (12, 2, 32)
    space: tuple[int, int, int] = (12, 2, 64)
    plane_batch: int = 1_000
    space_batch: int = 1_000
    plane_epochs: int = 40
    space_epochs: int = 25
    points: int = 9


PRESETS = {
    "full": ToyConfig(),
    "smoke": ToyConfig(
        events=1_000,
        perturbed=600,
        tests=300,
        density_seeds=1,
        network_seeds=2,
        plane=(6, 1, 16),
        space=(6, 1, 16),
        plane_batch=200,
        space_batch=200,
        plane_epochs=6,
        space_epochs=4,
        points=3,
    ),
}
