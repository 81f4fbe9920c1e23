"""The parameters of the fit: signal strength and nuisance parameters with their priors.

Source of the priors: docs/protocol.md#nuisance-parameters.
"""

from dataclasses import dataclass

import numpy as np

from .arrays import FloatArray


@dataclass(frozen=True)
class Prior:
    """The prior of a nuisance parameter, as a function of its pull: the pull is standard normal, then clipped.

    Arguments:
        name: as the official program calls it.
        width: standard deviation of the value; of its logarithm if `lognormal`.
        clip: smallest and largest value.
        lognormal: whether the value is exp(width * pull) instead of 1 + width * pull.
    """

    name: str
    width: float
    clip: tuple[float, float]
    lognormal: bool = False

    @property
    def bounds(self) -> tuple[float, float]:
        """Pulls of the two ends of the clip; the lower one is -inf for a log-normal prior from 0."""
        ends = np.array(self.clip)
        with np.errstate(divide="ignore"):
            lower, upper = (np.log(ends) if self.lognormal else ends - 1) / self.width
        return lower, upper

    def value(self, pull: float) -> float:
        """The value at a pull, clipped."""
        shift = self.width * float(np.clip(pull, *self.bounds))
        return float(np.exp(shift)) if self.lognormal else 1 + shift


#: In the order in which the official program draws them.
PRIORS = (
    Prior("tes", 0.01, (0.9, 1.1)),
    Prior("jes", 0.01, (0.9, 1.1)),
    Prior("soft_met", 1.0, (0.0, 5.0), lognormal=True),
    Prior("ttbar_scale", 0.02, (0.8, 1.2)),
    Prior("diboson_scale", 0.25, (0.0, 2.0)),
    Prior("bkg_scale", 0.001, (0.99, 1.01)),
)

#: All parameters of a likelihood: the order of the last axis of every array of values or of pulls.
PARAMETERS = ("mu", *(prior.name for prior in PRIORS))


#: Smallest and largest pull of each nuisance parameter, array (2, 6), and what makes values of pulls, arrays (6,).
PULL_BOUNDS = np.array([prior.bounds for prior in PRIORS]).T
_WIDTHS = np.array([prior.width for prior in PRIORS])
_LOGNORMAL = np.array([prior.lognormal for prior in PRIORS])


def values_from_pulls(pulls: FloatArray) -> FloatArray:
    """Values of all parameters from mu and the pulls of the nuisance parameters, arrays (..., 7); pulls are clipped."""
    shift = _WIDTHS * np.clip(pulls[..., 1:], *PULL_BOUNDS)
    values = np.where(_LOGNORMAL, np.exp(shift), 1 + shift)
    return np.concatenate([pulls[..., :1], values], axis=-1)


def slopes_from_pulls(pulls: FloatArray) -> FloatArray:
    """Derivatives of `values_from_pulls` within the clip, parameter by parameter, array (..., 7)."""
    slopes = np.where(_LOGNORMAL, _WIDTHS * values_from_pulls(pulls)[..., 1:], _WIDTHS)
    return np.concatenate([np.ones_like(pulls[..., :1]), slopes], axis=-1)


def draw_pulls(random: np.random.Generator, size: int) -> FloatArray:
    """Pulls of the six nuisance parameters from their priors, clipped: array (size, 6).

    Arguments:
        random: `numpy.random.Generator`.
        size: number of draws.
    """
    pulls: FloatArray = np.clip(random.standard_normal((size, len(PRIORS))), *PULL_BOUNDS)
    return pulls
