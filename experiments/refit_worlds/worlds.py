"""Worlds: simulated events that are changed as no nuisance parameter of the challenge would change them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ingestion_test.schema import FEATURES, PRIMARIES
from ingestion_test.simulation.worlds import DEFAULT
from ingestion_test.systematics import transform
from submission.arrays import Columns, FloatArray, IntArray
from submission.templates import PROCESSES

#: From the primaries of events by name, arrays (events,), and a generator to the columns that change.
Change = Callable[[Columns, np.random.Generator], Columns]

#: From the features of events before the post-selection, by name, and their processes to factors on their weights.
Factor = Callable[[Columns, IntArray], FloatArray]


@dataclass(frozen=True)
class World:
    """A changed world.

    Arguments:
        title: what it is, in a few words.
        simulation: the variant of the simulation, a name in `simulation.worlds.WORLDS`.
        change: of the primaries; None for none.
        factor: on the weights; None for 1.
        keeps_yields: whether the factors leave the yield of each process as it is.
    """

    title: str
    simulation: str = DEFAULT
    change: Change | None = None
    factor: Factor | None = None
    keeps_yields: bool = False

    def primaries(self, primaries: FloatArray, random: np.random.Generator) -> FloatArray:
        """Primaries of events in the world, float32 array (events, 16), from those of the simulation."""
        if self.change is None:
            return primaries
        columns = dict(zip(PRIMARIES, primaries.T))
        columns |= dict(self.change(columns, random))
        return np.column_stack([columns[name] for name in PRIMARIES]).astype(np.float32)

    def weights(self, primaries: FloatArray, weights: FloatArray, process: IntArray) -> FloatArray:
        """Weights of events in the world, array (events,), from its primaries and the simulation's weights."""
        if self.factor is None:
            return weights
        features, _ = transform(primaries, dopostprocess=False)
        changed = weights * self.factor(dict(zip(FEATURES, features.T)), process)
        if self.keeps_yields:
            before, after = (np.bincount(process, amount, len(PROCESSES)) for amount in (weights, changed))
            changed = changed * (before / np.maximum(after, 1e-300))[process]
        return changed


def _harder_jets(p: Columns, _: np.random.Generator) -> Columns:
    pts = ("PRI_jet_leading_pt", "PRI_jet_subleading_pt", "PRI_jet_all_pt")
    return {name: np.where(p[name] > 0, 1.03 * p[name], p[name]) for name in pts}


def _noisier_met(p: Columns, random: np.random.Generator) -> Columns:
    return {"PRI_met": np.abs(p["PRI_met"] * (1 + 0.1 * random.standard_normal(len(p["PRI_met"]))))}


def _fewer_z(p: Columns, process: IntArray) -> FloatArray:
    return np.where((process == PROCESSES.index("ztautau")) & (p["PRI_n_jets"] >= 2), 0.88, 1.0)


@dataclass(frozen=True)
class Waves:
    """Smooth factors of a few features, whose logarithm has about the standard deviation `size`."""

    size: float

    def __call__(self, p: Columns, process: IntArray) -> FloatArray:
        """Factors (events,)."""
        units = (p["PRI_had_pt"] / 25, p["DER_mass_vis"] / 40, p["PRI_met"] / 30, p["DER_sum_pt"] / 80)
        phase = np.asarray(process)[None] + np.arange(len(units))[:, None]  # another shape for each process
        waves = np.sin(np.asarray(units) + phase).sum(axis=0)
        return np.asarray(np.exp(self.size * waves / np.sqrt(len(units) / 2)))


WORLDS = {
    "own": World("that of the training"),
    "z-2-jets": World("Z with two jets × 0.88", factor=_fewer_z),
    "jets": World("pT of all jets × 1.03 before the selection, MET as it is", change=_harder_jets),
    "met": World("MET smeared by 10%", change=_noisier_met),
    "waves-5": World("smooth weights of four features, 5%, yields kept", factor=Waves(0.05), keeps_yields=True),
    "waves-20": World("smooth weights of four features, 20%, yields kept", factor=Waves(0.2), keeps_yields=True),
    "hard": World("the simulation's world hard", simulation="hard"),
    "plain": World("the simulation's world plain", simulation="plain"),
}
