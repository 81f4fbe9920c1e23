"""What the networks read of an event: its category, the features of the category, logarithms and standardisation.

Columns are addressed by name. A category has two views of its events: all defined features, which the classifier reads,
and `coordinates`, which the flows read: independent of each other and of the direction of the axes, so that a density
exists (the derived features are functions of the primaries, and the absolute azimuth carries no information).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import Columns, FloatArray, IntArray

#: Categories by the number of jets: one, and two or more; events without a jet belong to none of them.
CATEGORIES = ("1-jet", "2-jet")

LEPTONS = ("PRI_lep", "PRI_had")
JETS = {"1-jet": ("PRI_jet_leading",), "2-jet": ("PRI_jet_leading", "PRI_jet_subleading")}

#: The measured features of an event, of which the others are functions; what `systematics` shifts.
PRIMARIES = (
    *(f"{name}_{part}" for name in (*LEPTONS, *JETS["2-jet"]) for part in ("pt", "eta", "phi")),
    *("PRI_n_jets", "PRI_jet_all_pt", "PRI_met", "PRI_met_phi"),
)

_DIJET = ("DER_deltaeta_jet_jet", "DER_mass_jet_jet", "DER_prodeta_jet_jet", "DER_lep_eta_centrality")

_COMMON = (
    "PRI_jet_all_pt",
    "PRI_met",
    "PRI_met_phi",
    "DER_mass_transverse_met_lep",
    "DER_mass_vis",
    "DER_pt_h",
    "DER_deltar_had_lep",
    "DER_pt_tot",
    "DER_sum_pt",
    "DER_pt_ratio_lep_had",
    "DER_met_phi_centrality",
)

#: The defined features of each category (20 and 27; docs/mathematics.md#features).
FEATURES = {
    category: (
        *(f"{name}_{part}" for name in (*LEPTONS, *JETS[category]) for part in ("pt", "eta", "phi")),
        *_COMMON,
        *(_DIJET if category == "2-jet" else ()),
    )
    for category in CATEGORIES
}

#: Features whose distribution peaks towards zero: their logarithm is read.
LOGARITHMIC = frozenset(
    {
        *(f"{name}_pt" for name in (*LEPTONS, *JETS["2-jet"])),
        *("PRI_jet_all_pt", "PRI_met", "DER_mass_vis", "DER_pt_h", "DER_pt_tot", "DER_sum_pt"),
        *("DER_mass_jet_jet", "DER_pt_ratio_lep_had"),
    }
)

#: GeV added before a logarithm is taken: MET and sums of momenta can vanish, and are not resolved below it.
_SOFT = 1.0

#: Events whose features are computed at a time: they stay in the cache.
_BLOCK = 8192


def categories(columns: Columns) -> IntArray:
    """Place in `CATEGORIES` of each event, integer array (events,); -1 without a jet.

    What counts are the jets with a momentum. PRI_n_jets can be larger: the challenge takes soft leading and subleading
    jets away, but further ones, softer still, stay in the number.

    >>> categories({"PRI_jet_leading_pt": [-25, 40, 40], "PRI_jet_subleading_pt": [-25, -25, 30]}).tolist()
    [-1, 0, 1]
    """
    has_jet = [np.asarray(columns[f"{jet}_pt"]) > 0 for jet in JETS["2-jet"]]
    return np.asarray(np.sum(has_jet, axis=0, dtype=np.int64) - 1)


def features(columns: Columns, category: str) -> FloatArray:
    """The features of events of one category, logarithms taken.

    Arguments:
        columns: mapping from feature name to array (events,), GeV and radians; a DataFrame will do.
        category: name in `CATEGORIES`.

    Returns:
        float32 array (events, 20 or 27), columns as in `FEATURES[category]`.

    Raises:
        KeyError: a feature is missing.
    """
    return chosen_features(columns, FEATURES[category])


def chosen_features(columns: Columns, names: Sequence[str]) -> FloatArray:
    """The features called `names`, logarithms taken: float32 array (events, names); as `features`."""
    result = np.empty((len(columns[names[0]]), len(names)), dtype=np.float32)
    for place, name in enumerate(names):
        result[:, place] = _feature(name, np.asarray(columns[name]))
    return result


def _feature(name: str, values: FloatArray) -> FloatArray:
    """A feature as it is read: `values`, or their logarithm."""
    return np.log(np.maximum(values, 0) + _SOFT) if name in LOGARITHMIC else values


def coordinates(columns: Columns, category: str) -> FloatArray:
    """Independent, rotation-free coordinates of events of one category, for the flows.

    The event is turned and reflected so that the hadronic tau points along x, the lepton to positive y and the sum of
    their pseudorapidities is positive: 3 momenta (1 jet) or 4 (2 jets) and MET, less one azimuth.

    Arguments and errors: as `features`.

    Returns:
        float32 array (events, 10 or 13), columns as in `COORDINATES[category]`.
    """
    value = {name: np.asarray(columns[name], dtype=np.float32) for name in _needed(category)}
    forward = np.where(value["PRI_lep_eta"] + value["PRI_had_eta"] < 0, -1.0, 1.0)
    to_lepton = _wrap(value["PRI_lep_phi"] - value["PRI_had_phi"])
    side = np.where(to_lepton < 0, -1.0, 1.0)
    result = {"log_met": np.log(value["PRI_met"] + _SOFT), "lep_dphi": side * to_lepton}
    result["met_dphi"] = side * _wrap(value["PRI_met_phi"] - value["PRI_had_phi"])
    for name in (*LEPTONS, *JETS[category]):
        short = name.removeprefix("PRI_")
        result[f"log_{short}_pt"] = np.log(value[f"{name}_pt"])
        result[f"{short}_eta"] = forward * value[f"{name}_eta"]
        if name in JETS[category]:
            result[f"{short}_dphi"] = side * _wrap(value[f"{name}_phi"] - value["PRI_had_phi"])
    return np.stack([result[name] for name in COORDINATES[category]], axis=1).astype(np.float32)


def _needed(category: str) -> tuple[str, ...]:
    objects = (*LEPTONS, *JETS[category])
    return ("PRI_met", "PRI_met_phi", *(f"{name}_{part}" for name in objects for part in ("pt", "eta", "phi")))


def _coordinate_names(category: str) -> tuple[str, ...]:
    jets = [name.removeprefix("PRI_") for name in JETS[category]]
    return (
        *("log_lep_pt", "lep_eta", "lep_dphi", "log_had_pt", "had_eta", "log_met", "met_dphi"),
        *(name for jet in jets for name in (f"log_{jet}_pt", f"{jet}_eta", f"{jet}_dphi")),
    )


COORDINATES = {category: _coordinate_names(category) for category in CATEGORIES}


def _wrap(angle: FloatArray) -> FloatArray:
    """An angle in radians, moved by a multiple of 2 pi into [-pi, pi)."""
    wrapped: FloatArray = np.mod(angle + np.pi, 2 * np.pi) - np.pi
    return wrapped


@dataclass(frozen=True)
class Standardisation:
    """Shift and scale that give features mean 0 and variance 1; stored with the weights that were trained on it.

    Arguments:
        names: of the features, in their order.
        mean, scale: arrays (features,).
    """

    names: tuple[str, ...]
    mean: FloatArray
    scale: FloatArray

    def __post_init__(self) -> None:
        if not self.mean.shape == self.scale.shape == (len(self.names),):
            raise ValueError(
                f"{len(self.names)} features with means of shape {self.mean.shape} and scales of {self.scale.shape}"
            )

    @classmethod
    def of(cls, names: Sequence[str], values: FloatArray, weights: FloatArray | None = None) -> "Standardisation":
        """The standardisation of `values`, array (events, features), with `weights`, array (events,).

        Raises:
            ValueError: a feature has no spread.
        """
        mean = np.average(values, axis=0, weights=weights)
        scale = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
        flat = [name for name, spread in zip(names, scale) if not spread > 0]
        if flat:
            raise ValueError(f"{', '.join(flat)} has the same value in all events: there are too few, or not the right")
        return cls(tuple(names), mean.astype(np.float32), scale.astype(np.float32))

    def __call__(self, values: FloatArray) -> FloatArray:
        """Standardised `values`, float32 array (events, features)."""
        result: FloatArray = np.subtract(values, self.mean, dtype=np.float32)
        result /= self.scale
        return result

    def features(self, columns: Columns) -> FloatArray:
        """The standardised features of events, what a call returns for their `chosen_features`, to the bit.

        Arguments and errors: as `features`.

        Returns:
            float32 array (events, features).
        """
        values = [np.asarray(columns[name]) for name in self.names]
        result = np.empty((len(values[0]), len(values)), dtype=np.float32)
        for first in range(0, len(result), _BLOCK):
            rows = slice(first, first + _BLOCK)
            block = np.empty((len(values), len(result[rows])), dtype=np.float32)
            for place, name in enumerate(self.names):
                block[place] = _feature(name, values[place][rows])
            block -= self.mean[:, None]
            block /= self.scale[:, None]
            result[rows] = block.T
        return result
