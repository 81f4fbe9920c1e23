"""The methods of Table 2, in the order of its rows. A further one is a module or a package beside this, and a line."""

from __future__ import annotations

from experiments.methods import log_ratio, presets
from experiments.methods.boosted import training as boosted
from experiments.methods.method import Method
from experiments.methods.mle_nu import training as mle_nu

METHODS: dict[str, Method] = {
    "default": presets.DEFAULT,
    "no-flows": presets.NO_FLOWS,
    "log-ratio": log_ratio.method(),
    "paper": presets.PAPER,
    "boosted": boosted.METHOD,
    "baseline": presets.BASELINE,
    "mle-nu": mle_nu.METHOD,
    "template-fit": Method("template fit of the visible mass", None, estimator=None, package="template_fit"),
}
