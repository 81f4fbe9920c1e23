"""The four processes with the numbers that describe them.

The numbers are in `parameters.json`: masses and widths from the Particle Data Group, production modes of the Higgs
boson from the organisers' generator settings, all others fitted by `tune` to the histograms of `observables`.
"""

import json
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..arrays import Columns, FloatArray
from . import pairs, resonance
from .detector import Response
from .radiation import Radiation

Model: TypeAlias = resonance.Resonance | pairs.Pair
#: Numbers, lists of numbers and dicts of these, as in `parameters.json`.
Parameters: TypeAlias = dict[str, Any]

PARAMETERS_FILE = Path(__file__).with_name("parameters.json")
_MODULES = {"ztautau": resonance, "htautau": resonance, "ttbar": pairs, "diboson": pairs}


def read_parameters() -> dict[str, Parameters]:
    """The content of `parameters.json`: process -> numbers."""
    content: dict[str, Parameters] = json.loads(PARAMETERS_FILE.read_text())
    return content


def model(process: str, parameters: Parameters) -> Model:
    """The model (`resonance.Resonance` or `pairs.Pair`) of a process from its entry in `parameters.json`."""
    kind = resonance.Resonance if _MODULES[process] is resonance else pairs.Pair
    parts = {"radiation": Radiation(**parameters["radiation"]), "response": Response(**parameters["response"])}
    return kind(**parameters | parts)


PARAMETERS = read_parameters()
MODELS = {name: model(name, entry) for name, entry in PARAMETERS.items()}


def throw(process: str, rng: np.random.Generator, n: int, model: Model | None = None) -> tuple[Columns, FloatArray]:
    """`n` thrown events of a process.

    Arguments:
        model: other numbers than those of `MODELS`.

    Returns:
        (columns, weights) of the accepted events: dict from each primary to an array (accepted,), array (accepted,).
    """
    events: tuple[Columns, FloatArray] = _MODULES[process].generate(rng, n, model or MODELS[process])
    return events
