"""The methods of Table 2: how each is trained and what its submission consists of. `METHODS` is the list."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from experiments.methods.boosted.training import BoostedConfig, BoostedTraining
from experiments.methods.mle_nu.estimator import NuArtifacts
from experiments.methods.mle_nu.training import NuClassifierConfig, NuNeymanConfig, NuTemplatesConfig, NuTraining
from submission.estimator import Estimator
from submission.likelihood import PRESETS as LIKELIHOODS
from training.config import PRESETS, Config
from training.stages import Training


@dataclass(frozen=True)
class Method:
    """A method.

    Arguments:
        label: in tables and figures.
        config: function from "full" or "smoke" to `training.config.Config`; None if nothing is trained beforehand.
        training: class of its training.
        estimator: class of the estimator in its artifacts; None if it has none.
        package: folder of `experiments/methods/` with its `model.py`; None for this project's own.
        experiments: pseudo-experiments per value of mu that a full run has at the most; None for all.
    """

    label: str
    config: Callable | None
    training: type = Training
    estimator: type | None = Estimator
    package: str | None = None
    experiments: int | None = None


def _cnf(preset):
    return PRESETS["cnf" if preset == "full" else preset]


def _default(preset):
    config = _cnf(preset)
    return replace(config, networks=replace(config.networks, flows=None))


def _paper(preset):
    """The preset paper; in other sizes what is peculiar to it, in the size of that preset."""
    paper, size = PRESETS["paper"], _cnf(preset)
    if preset == "full":
        return paper
    flows = replace(size.networks.flows, view=paper.networks.flows.view, scaled=False)  # type: ignore[union-attr]
    templates = replace(size.templates, no_jet_bins=0)
    networks = replace(size.networks, flows=flows)
    return replace(size, networks=networks, templates=templates, likelihood=paper.likelihood, belt=paper.belt)


def _baseline(preset):
    return replace(_default(preset), likelihood=LIKELIHOODS["mu alone"], belt=PRESETS["paper"].belt)


def _boosted(preset):
    config = _default(preset)
    trees = BoostedConfig() if preset == "full" else BoostedConfig(rounds=30, leaves=15)
    return replace(config, networks=replace(config.networks, classifier=trees))


def _mle_nu(preset):
    size = _default(preset)
    networks = replace(size.networks, classifier=NuClassifierConfig(**vars(size.networks.classifier)))
    bins = {name: getattr(size.templates, name) for name in ("signal_bins", "background_bins", "edge_events")}
    templates, neyman = NuTemplatesConfig(**bins), NuNeymanConfig()
    if preset != "full":
        templates, neyman = replace(templates, shipped=5000), replace(neyman, experiments=16)
    # No gate: the sum of scores is a likelihood only if all events have one.
    return Config(networks, None, templates, LIKELIHOODS["mu alone"], PRESETS["paper"].belt, neyman)  # type: ignore[arg-type]


METHODS = {
    "default": Method("DNN, all nuisance parameters fitted", _default),
    "cnf": Method("CNF + DNN, all fitted", _cnf),
    "paper": Method("CNF + DNN, as published", _paper),
    "boosted": Method("boosted trees, all fitted", _boosted, BoostedTraining, package="boosted"),
    "baseline": Method("DNN, mu alone fitted", _baseline),
    "mle-nu": Method("MLE with nu", _mle_nu, NuTraining, NuArtifacts, "mle_nu", experiments=10),
    "template-fit": Method("template fit of the visible mass", None, estimator=None, package="template_fit"),
}
