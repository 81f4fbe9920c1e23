"""Methods with the submission's own code: its presets, and the paper's baseline."""

from __future__ import annotations

from dataclasses import replace

from experiments.methods.method import Method
from submission.likelihood import PRESETS as LIKELIHOODS
from training.config import PRESETS, Config


def default(size: str) -> Config:
    """The preset default, CNF + DNN, or one of another size."""
    return PRESETS["default" if size == "full" else size]


def no_flows(size: str) -> Config:
    """The preset no-flows: the same without flows."""
    config = default(size)
    return replace(config, networks=replace(config.networks, flows=None))


def paper(size: str) -> Config:
    """The preset paper; in other sizes what is peculiar to it, in the size of that preset."""
    published, config = PRESETS["paper"], default(size)
    if size == "full":
        return published
    assert published.networks.flows is not None
    assert config.networks.flows is not None
    flows = replace(config.networks.flows, view=published.networks.flows.view, scaled=False)
    templates = replace(config.templates, no_jet_bins=0, axis=None)
    networks = replace(config.networks, flows=flows)
    return replace(config, networks=networks, templates=templates, likelihood=published.likelihood, belt=published.belt)


def baseline(size: str) -> Config:
    """The network without flows, as in the paper; mu alone is fitted."""
    return replace(no_flows(size), likelihood=LIKELIHOODS["mu alone"])


DEFAULT = Method("CNF + DNN, all nuisance parameters fitted", default)
NO_FLOWS = Method("DNN, all fitted", no_flows)
PAPER = Method("CNF + DNN, as published", paper)
BASELINE = Method("DNN, mu alone fitted", baseline)
