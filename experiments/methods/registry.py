"""The methods of Table 2, in the order of its rows. A further one is a module or a package beside this, and a line."""

from __future__ import annotations

import importlib

from experiments.methods import presets
from experiments.methods.boosted import training as boosted
from experiments.methods.method import Method
from experiments.methods.mle_nu import training as mle_nu


def in_file(name: str) -> Method:
    """The method of the module `name` beside this one, as its function `method` makes it."""
    method: Method = importlib.import_module(f"experiments.methods.{name}").method()
    return method


METHODS: dict[str, Method] = {
    "default": presets.DEFAULT,
    "no-flows": presets.NO_FLOWS,
    "log-ratio": in_file("log_ratio"),
    "paper": presets.PAPER,
    "boosted": boosted.METHOD,
    "baseline": presets.BASELINE,
    "mle-nu": mle_nu.METHOD,
    "template-fit": Method("template fit of the visible mass", None, estimator=None, package="template_fit"),
}
