"""The official module `systematics`: the callable that a model is given, and what it and the ingestion are made of.

Source: docs/protocol.md#systematics, docs/protocol.md#pseudo-experiment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..arrays import Columns
from ..nuisance import draw_nuisance_parameters
from ..pseudo_experiments import process_scales
from ..schema import DERIVED, FEATURES, MIN_HAD_PT, MIN_LEP_PT, PRIMARIES
from ..systematics import SOFT_MET_SEED, soft_met_noise, transform
from .derived_quantities import DER_data, stored
from .four_vectors import V4
from .shifts import post_selection, shift

__all__ = [
    "V4",
    "DER_data",
    "all_bkg_weight_norm",
    "diboson_bkg_weight_norm",
    "generate_pseudo_exp_data",
    "get_bootstrapped_dataset",
    "get_systematics_dataset",
    "make_unweighted_set",
    "mom4_manipulate",
    "postprocess",
    "repeat_rows_by_weight",
    "systematics",
    "ttbar_bkg_weight_norm",
]


def systematics(
    data_set: pd.DataFrame | Mapping[str, Any] | None = None,
    tes: float = 1.0,
    jes: float = 1.0,
    soft_met: float = 0.0,
    seed: Any = SOFT_MET_SEED,
    ttbar_scale: float | None = None,
    diboson_scale: float | None = None,
    bkg_scale: float | None = None,
    dopostprocess: bool = True,
) -> Any:
    """The callable that the official program hands to a model: events as the detector with these parameters shows them.

    Arguments:
        data_set: a DataFrame with the 16 primaries and any other columns, or a dict with such a DataFrame under "data",
            one value per row under "weights" and under any further key ("settings" excepted: it is passed on as it is).
        tes, jes: factors on the energy of hadronic taus and of jets.
        soft_met: standard deviation in GeV of the noise on each component of MET.
        seed: seed of that noise, as `numpy.random.RandomState` takes it.
        ttbar_scale, diboson_scale, bkg_scale: factors on the weights of processes, without effect unless there is a
            column `detailedlabel`, which no official file has; then the columns `detailed_labels` and `labels` tell the
            processes. Scale the weights of a process yourself.
        dopostprocess: whether the thresholds of the challenge are applied, which drops events and soft jets.

    Returns:
        what was given: a DataFrame, or a dict with the same keys, "data" behind those that belong to rows; the 12
        derived features are computed anew.

    Raises:
        ValueError: `data_set` is neither, or a primary or a key is missing.

    Source: docs/protocol.md#systematics.
    """
    frame, keys = _joined(data_set)
    missing = [name for name in PRIMARIES if name not in frame.columns]
    if missing:
        raise ValueError(f"data_set lacks the columns {', '.join(missing)}")
    is_plain = _is_plain(frame, dopostprocess)
    if is_plain:
        result = _shifted(frame, float(tes), float(jes), soft_met_noise(soft_met, len(frame), seed), dopostprocess)
    else:
        result = mom4_manipulate(frame.copy(), tes, jes, soft_met, seed)
        result = postprocess(result) if dopostprocess else result
    if "detailedlabel" in result.columns:
        _scale_weights(result, ttbar_scale, diboson_scale, bkg_scale)
    rows = {key: result.pop(key) for key in keys}
    data = stored(result) if is_plain else DER_data(result)
    if not isinstance(data_set, dict):
        return data
    return {**rows, "data": data} | ({"settings": data_set["settings"]} if "settings" in data_set else {})


def _joined(data_set: object) -> tuple[pd.DataFrame, list[str]]:
    """The events of `data_set` with what belongs to each row as further columns, and the names of these."""
    if isinstance(data_set, pd.DataFrame):
        return data_set, []
    if not isinstance(data_set, dict):
        raise ValueError(f"data_set must be a DataFrame or a dict, not {type(data_set).__name__}")
    for key in ("data", "weights"):
        if key not in data_set:
            raise ValueError(f'data_set is a dict without the key "{key}"')
    keys = [key for key in data_set if key not in ("data", "settings")]
    frame = data_set["data"].copy()
    for key in keys:
        frame[key] = data_set[key]
    return frame, keys


#: Numbers beyond which squares may be infinite, which shows even of jets that are not there; GeV and radians.
_ORDINARY = {"pt": 1e6, "eta": 30.0, "phi": 30.0, "met": 1e6, "jets": 1e6}


def _is_plain(frame: pd.DataFrame, dopostprocess: bool) -> bool:
    """Whether the primaries are ordinary numbers of one precision, and no row is dropped so that the index shows it."""
    kinds = {frame[name].dtype for name in PRIMARIES}
    if len(kinds) != 1 or next(iter(kinds)) not in (np.float32, np.float64):
        return False
    extent = {name: np.abs(frame[name].to_numpy()).max(initial=0) for name in PRIMARIES}
    if not all(extent[name] <= _ORDINARY[name.rpartition("_")[2]] for name in PRIMARIES):
        return False
    if max(extent["PRI_lep_phi"], extent["PRI_had_phi"]) > 4:  # another turn
        return False
    return not dopostprocess or (frame.index.is_unique and not (frame["PRI_lep_pt"].round(3) < MIN_LEP_PT).any())


def _shifted(frame: pd.DataFrame, tes: float, jes: float, noise: Any, dopostprocess: bool) -> pd.DataFrame:
    """The columns of `frame`, shifted and selected, with the derived features."""
    with np.errstate(all="ignore"):
        features, kept = transform(frame[list(PRIMARIES)].to_numpy(), None, tes, jes, noise, dopostprocess)
    others = frame.drop(columns=[name for name in FEATURES if name in frame.columns]).iloc[kept]
    index = pd.RangeIndex(len(kept)) if dopostprocess else others.index
    computed = pd.DataFrame(features, columns=list(FEATURES), index=index, copy=False)
    order = [*frame.columns, *(name for name in DERIVED if name not in frame.columns)]
    return pd.concat([computed, others.set_axis(index)], axis=1)[order]


def _scale_weights(
    data: pd.DataFrame, ttbar_scale: float | None, diboson_scale: float | None, bkg_scale: float | None
) -> None:
    weights = data["weights"].copy() if "weights" in data.columns else np.ones(len(data))
    if ttbar_scale is not None:
        weights = ttbar_bkg_weight_norm(weights, data["detailed_labels"], ttbar_scale)
    if diboson_scale is not None:
        weights = diboson_bkg_weight_norm(weights, data["detailed_labels"], diboson_scale)
    if bkg_scale is not None:
        weights = all_bkg_weight_norm(weights, data["labels"], bkg_scale)
    data["weights"] = weights


def ttbar_bkg_weight_norm(weights: Any, detailedlabel: Any, systBkgNorm: float) -> Any:
    """Multiply the weights of ttbar, in place; returns them."""
    return _multiplied(weights, detailedlabel == "ttbar", systBkgNorm)


def diboson_bkg_weight_norm(weights: Any, detailedlabel: Any, systBkgNorm: float) -> Any:
    """Multiply the weights of diboson, in place; returns them."""
    return _multiplied(weights, detailedlabel == "diboson", systBkgNorm)


def all_bkg_weight_norm(weights: Any, label: Any, systBkgNorm: float) -> Any:
    """Multiply the weights of all backgrounds, in place; returns them."""
    return _multiplied(weights, label == 0, systBkgNorm)


def _multiplied(weights: Any, rows: Any, factor: float) -> Any:
    weights[rows] = weights[rows] * factor
    return weights


def mom4_manipulate(
    data: pd.DataFrame,
    systTauEnergyScale: float,
    systJetEnergyScale: float,
    soft_met: float,
    seed: Any = SOFT_MET_SEED,
) -> pd.DataFrame:
    """Shift the primaries of a DataFrame, in place and each in the precision of its column; returns it.

    Source: docs/protocol.md#systematics, steps 1 to 4.
    """
    p = _columns(data)
    with np.errstate(all="ignore"):
        shift(p, float(systTauEnergyScale), float(systJetEnergyScale), soft_met_noise(soft_met, len(data), seed))
    for name, values in p.items():
        data[name] = values
    return data


def _columns(data: pd.DataFrame) -> Columns:
    """Copies of the primaries, arrays (rows,) by name."""
    return {name: data[name].to_numpy(copy=True) for name in PRIMARIES}


def postprocess(data: pd.DataFrame) -> pd.DataFrame:
    """The events of a DataFrame that pass the thresholds, with soft jets removed.

    The index counts those that pass the threshold of the hadronic tau; rows share their fate with others of the same
    label.

    Source: docs/protocol.md#systematics, step 5.
    """
    kept = data.drop(data.index[data["PRI_had_pt"] < MIN_HAD_PT]).reset_index(drop=True)
    p = _columns(kept)
    post_selection(p)
    for name, values in p.items():
        kept[name] = values
    return kept.drop(kept.index[kept["PRI_lep_pt"] < MIN_LEP_PT])


def make_unweighted_set(data_set: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """The events of each process in random order, by "detailedlabel" of a dict as `systematics` takes it."""
    labels = data_set["detailedlabel"]
    return {
        name: data_set["data"][labels == name].sample(frac=1, random_state=SOFT_MET_SEED)
        for name in ("htautau", "ztautau", "ttbar", "diboson")
    }


def get_bootstrapped_dataset(
    test_set: Mapping[str, pd.DataFrame],
    mu: float = 1.0,
    seed: int = 31415,
    ttbar_scale: float | None = None,
    diboson_scale: float | None = None,
    bkg_scale: float | None = None,
    poisson: bool = True,
) -> pd.DataFrame:
    """The events of a pseudo-experiment before the systematics.

    Arguments:
        test_set: DataFrame of each process with a column "weights", as from `datasets.Data.get_test_set`.
        mu: signal strength.
        seed: of the pseudo-experiment.
        ttbar_scale, diboson_scale, bkg_scale: its nuisance parameters.
        poisson: whether numbers are drawn; otherwise the whole part of a scaled weight is taken.

    Source: docs/protocol.md#pseudo-experiment, steps 1 to 3.
    """
    scales, parts, stream = process_scales(mu, ttbar_scale, diboson_scale, bkg_scale), [], seed
    for number, (name, events) in enumerate(test_set.items()):
        stream += number
        # In the image's numpy the product keeps the single precision of the weights, whatever number the scale is.
        weights = float(scales[name]) * events["weights"].to_numpy()
        if poisson:
            weights = np.random.RandomState(stream).poisson(weights)
        parts.append(events[weights > 0].assign(weights=weights[weights > 0]))
    return repeat_rows_by_weight(pd.concat(parts, ignore_index=True), seed)


def repeat_rows_by_weight(data_set: pd.DataFrame, seed: int = 31415) -> pd.DataFrame:
    """Rows as often as the whole part of their "weights" says, in random order and without that column."""
    data_set["weights"] = data_set["weights"].astype(int)
    repeated = data_set.iloc[np.repeat(np.arange(len(data_set)), data_set["weights"])].reset_index(drop=True)
    return repeated.sample(frac=1, random_state=seed).reset_index(drop=True).drop(columns="weights")


def get_systematics_dataset(
    data: pd.DataFrame, tes: float = 1.0, jes: float = 1.0, soft_met: float = 0.0
) -> dict[str, Any]:
    """The test set that a model is given: events with systematics, and weights of 1."""
    test_set: dict[str, Any] = systematics(
        {"data": data, "weights": np.ones(len(data))}, tes=tes, jes=jes, soft_met=soft_met
    )
    return test_set


def generate_pseudo_exp_data(
    data: Mapping[str, pd.DataFrame],
    set_mu: float = 1.0,
    dict_systematics: Mapping[str, bool] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """The test set of a pseudo-experiment, whose nuisance parameters are drawn as the competition draws them.

    Arguments:
        data: as for `get_bootstrapped_dataset`.
        set_mu: signal strength.
        dict_systematics: whether each nuisance parameter is switched on; None: none is.
        seed: of the pseudo-experiment.
    """
    nuisance = draw_nuisance_parameters(seed, [name for name, on in (dict_systematics or {}).items() if on])
    scales = {name: nuisance[name] for name in ("ttbar_scale", "diboson_scale", "bkg_scale")}
    shifts = {name: nuisance[name] for name in ("tes", "jes", "soft_met")}
    return get_systematics_dataset(get_bootstrapped_dataset(data, set_mu, seed, **scales), **shifts)
