"""The toy problem with known answers (paper, sec. 5): two Gaussians in a plane, alone or within 10 dimensions.

Means and covariances are a choice of this project, not those of the paper (eq. 11): two tilted Gaussians that a
Bayes-optimal classifier tells apart in about 85% of the cases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from submission.arrays import FloatArray

#: Mean (2,) and covariance (2, 2) of a class.
Gaussian = tuple[FloatArray, FloatArray]

SIGNAL: Gaussian = (np.array([1.0, 0.0]), np.array([[0.8, 0.4], [0.4, 1.0]]))
BACKGROUND: Gaussian = (np.array([-1.0, 0.0]), np.array([[1.2, -0.3], [-0.3, 0.8]]))


def log_density(x: FloatArray, gaussian: Gaussian) -> FloatArray:
    """Log-density (...) of points (..., 2)."""
    mean, covariance = gaussian
    d = x - mean
    chi2 = np.einsum("...i,ij,...j->...", d, np.linalg.inv(covariance), d)
    return -0.5 * (chi2 + math.log(np.linalg.det(covariance))) - math.log(2 * math.pi)


def of_both(draw: Callable[[Gaussian, int, int], FloatArray], seeds: int) -> tuple[FloatArray, FloatArray]:
    """Signal and background of several seeds, arrays (seeds, ...), by `draw(gaussian, number, seed)`."""
    signal, background = (
        np.stack([draw(gaussian, number, seed) for seed in range(seeds)])
        for number, gaussian in enumerate((SIGNAL, BACKGROUND))
    )
    return signal, background


def draw_points(gaussian: Gaussian, events: int, rng: np.random.Generator) -> FloatArray:
    """Draw points (events, 2)."""
    return rng.multivariate_normal(*gaussian, size=events)


def contrastive_density(x: FloatArray, strength: float) -> FloatArray:
    """Analytic minimum of the contrastive loss (eq. 10), not normalised: max(0, P_S - c P_B) at points (..., 2)."""
    return np.maximum(0.0, np.exp(log_density(x, SIGNAL)) - strength * np.exp(log_density(x, BACKGROUND)))


class Grid:
    """The square [-6, 6]^2 in cells, for integrals over the plane.

    Attributes:
        points: centres of the cells, (cells, 2), the first coordinate varying slowest.
        area: of a cell.
        edge: the cells' centres along one axis.
    """

    def __init__(self, cells: int = 240) -> None:
        width = 12 / cells
        self.edge = -6 + width * (np.arange(cells) + 0.5)
        self.points = np.stack(np.meshgrid(self.edge, self.edge, indexing="ij"), -1).reshape(-1, 2)
        self.area = width**2

    def distance(self, log_q: FloatArray, strength: float) -> tuple[float, float]:
        """Compare a learned density with the analytic q_c.

        Arguments:
            log_q: learned log-density at the points, (cells,); it integrates to 1 over the plane.
            strength: c.

        Returns:
            the integral of |q - q_c|, and q's mass beyond the boundary P_S = c P_B; what lies off the grid is in both.
        """
        q = np.exp(log_q.astype(np.float64))
        analytic = contrastive_density(self.points, strength)
        analytic /= analytic.sum() * self.area
        off_grid = max(0.0, 1.0 - q.sum() * self.area)
        return (
            float(np.abs(q - analytic).sum() * self.area + off_grid),
            float(q[analytic == 0].sum() * self.area + off_grid),
        )


# The plane within 10 dimensions, and its perturbations ----------------------------------------------------------


def orthogonal(matrix: FloatArray) -> FloatArray:
    """Q of the QR decomposition with a positive diagonal of R: a continuous function of the matrix."""
    q, r = np.linalg.qr(matrix)
    return q * np.sign(np.diag(r))


class Embedding:
    """The two classes in `dimensions` dimensions (eq. 12): the plane's Gaussians times a standard normal, turned by Q.

    Perturbations, functions of nu: "rotation" turns the plane's points by the angle nu before the embedding;
    "deformation" embeds with the Q of A + nu A'.

    Arguments:
        seed: of the matrices A and A'.
        dimensions: of the space.
    """

    def __init__(self, seed: int, dimensions: int = 10) -> None:
        rng = np.random.default_rng([seed, 12])
        self.dimensions = dimensions
        self.a, self.other = rng.normal(size=(2, dimensions, dimensions))

    def _plane(self, perturbation: str, nu: float) -> FloatArray:
        """The 2 columns (dimensions, 2) that span the plane at nu, along the axes of the unperturbed Gaussians."""
        if perturbation == "deformation":
            return orthogonal(self.a + nu * self.other)[:, :2]
        turn = np.array([[math.cos(nu), -math.sin(nu)], [math.sin(nu), math.cos(nu)]])
        return orthogonal(self.a)[:, :2] @ turn

    def draw(
        self,
        gaussian: Gaussian,
        events: int,
        rng: np.random.Generator,
        perturbation: str = "rotation",
        nu: float = 0.0,
    ) -> FloatArray:
        """Draw events (events, dimensions) of a class."""
        plane = self._plane(perturbation, nu)
        x = rng.normal(size=(events, self.dimensions))
        return x + (draw_points(gaussian, events, rng) - x @ plane) @ plane.T

    def log_ratio(self, x: FloatArray, perturbation: str = "rotation", nu: float = 0.0) -> FloatArray:
        """log P_S(x | nu) / P_B(x | nu) of events (events, dimensions)."""
        x = x @ self._plane(perturbation, nu)
        return log_density(x, SIGNAL) - log_density(x, BACKGROUND)

    def log_contrastive(self, x: FloatArray, strength: float) -> FloatArray:
        """Log of the analytic q_c (eq. 10) at nu = 0; -inf beyond the boundary."""
        inside = x @ self._plane("rotation", 0.0)
        grid = Grid()
        norm = contrastive_density(grid.points, strength).sum() * grid.area
        rest = 0.5 * ((x**2).sum(-1) - (inside**2).sum(-1)) + 0.5 * (self.dimensions - 2) * math.log(2 * math.pi)
        with np.errstate(divide="ignore"):
            return np.log(contrastive_density(inside, strength) / norm) - rest

    def log_mixed_ratio(self, x: FloatArray, perturbation: str, grid: Iterable[float]) -> FloatArray:
        """log of sum_nu P_S(x | nu) / sum_nu P_B(x | nu): the best that can be known by one who is not told nu."""
        parts = []
        for gaussian in (SIGNAL, BACKGROUND):
            total = np.full(len(x), -np.inf)
            for nu in grid:
                inside = x @ self._plane(perturbation, nu)
                # The directions off the plane are standard normal; |x|^2 is the same for every nu and cancels.
                total = np.logaddexp(total, log_density(inside, gaussian) + 0.5 * (inside**2).sum(-1))
            parts.append(total)
        return parts[0] - parts[1]
