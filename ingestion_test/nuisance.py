"""The six nuisance parameters of the challenge and how a pseudo-experiment draws them.

Source: docs/protocol.md#nuisance-parameters.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class NuisanceParameter:
    """A nuisance parameter with its prior.

    Arguments:
        name: as the official program calls it.
        width: standard deviation of the prior; of the logarithm if `lognormal`.
        clip: smallest and largest value; what is drawn beyond is moved there.
        off: the value that stands for "switched off".
        lognormal: whether the prior is log-normal around 1 instead of normal around 1.
    """

    name: str
    width: float
    clip: tuple[float, float]
    off: float | None
    lognormal: bool = False

    def draw(self, random: np.random.RandomState) -> float:
        """One value from the prior, clipped."""
        if self.lognormal:
            value = random.lognormal(mean=0.0, sigma=self.width)
        else:
            value = random.normal(loc=1.0, scale=self.width)
        return float(np.clip(value, *self.clip))


#: In the order in which the official program draws them.
NUISANCE_PARAMETERS = (
    NuisanceParameter("tes", 0.01, (0.9, 1.1), 1.0),
    NuisanceParameter("jes", 0.01, (0.9, 1.1), 1.0),
    NuisanceParameter("soft_met", 1.0, (0.0, 5.0), 0.0, lognormal=True),
    NuisanceParameter("ttbar_scale", 0.02, (0.8, 1.2), None),
    NuisanceParameter("diboson_scale", 0.25, (0.0, 2.0), None),
    NuisanceParameter("bkg_scale", 0.001, (0.99, 1.01), None),
)

NUISANCE_NAMES = tuple(parameter.name for parameter in NUISANCE_PARAMETERS)


def draw_nuisance_parameters(seed: int, switched_on: Container[str]) -> dict[str, Any]:
    """The values that the pseudo-experiment `seed` has: dict from name to float, or None for a scale that is off.

    Arguments:
        seed: seed of the pseudo-experiment.
        switched_on: names of the parameters that are drawn; the others draw nothing, so the stream shifts.

    >>> draw_nuisance_parameters(2718, {"jes"})["tes"]
    1.0
    """
    random = np.random.RandomState(seed)
    return {
        parameter.name: parameter.draw(random) if parameter.name in switched_on else parameter.off
        for parameter in NUISANCE_PARAMETERS
    }
