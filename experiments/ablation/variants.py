"""The variants: what each changes in the networks, or in likelihood and belt."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from experiments.outputs import record
from experiments.trained_artifacts import load_estimator
from submission.confidence import BeltConfig
from submission.likelihood import PRESETS as LIKELIHOODS
from submission.likelihood import LikelihoodConfig
from training.config import PRESETS, Config, FlowsConfig
from training.networks import ClassifierResult, FlowsResult
from training.stages import Result, Stage, Training, flows_of_part

#: Preset of `training.config` that the networks of a preset start from, and whose events they are trained on.
BASES = {"full": "default", "smoke": "smoke"}

#: Nuisance parameters fitted where not all six are, and the range of a belt that does not know that of the challenge.
TWO, THREE = ("tes", "jes"), ("tes", "jes", "soft_met")
WIDE = (0.0, 5.0)


class ShippedScores(Training):
    """A `Training` whose networks are the shipped ones: nothing but templates is made."""

    @property
    def stages(self) -> dict[str, Stage[Result]]:
        """Stages without trainings."""
        scorer = load_estimator().histogram.scorer
        shipped = Stage(ClassifierResult, lambda _: ClassifierResult(scorer, {}))
        return super().stages | {"flows": Stage(FlowsResult, lambda _: FlowsResult((), {})), "classifier": shipped}


class SharedEvents(Training):
    """A `Training` whose flows read events that the classifier is trained on, too."""

    @property
    def stages(self) -> dict[str, Stage[Result]]:
        """Stages with flows of the part for the classifier."""
        return super().stages | {"flows": Stage(FlowsResult, functools.partial(flows_of_part, part="classifier"))}


@dataclasses.dataclass(frozen=True)
class Networks:
    """A variant whose networks are trained: its label, and what differs from the group's first configuration.

    Arguments:
        label: in table and figure.
        change: function from `first_config` to the variant's `training.config.Config`.
        training: class of its training.
    """

    label: str
    change: Callable[[Config], Config]
    training: type[Training] = Training


@dataclasses.dataclass(frozen=True)
class Fit:
    """A variant of the fit: its label, `LikelihoodConfig`, `BeltConfig`, and the channels that are left out."""

    label: str
    likelihood: LikelihoodConfig = LIKELIHOODS["default"]
    belt: BeltConfig = PRESETS["default"].belt
    without: tuple[str, ...] = ()


def _flows_of(config: Config) -> FlowsConfig:
    assert config.networks.flows is not None, "variants are made of a configuration with flows"
    return config.networks.flows


def _with_flows(config: Config, **changes: Any) -> Config:
    return replace(config, networks=replace(config.networks, flows=replace(_flows_of(config), **changes)))


def _flows(**changes: Any) -> Callable[[Config], Config]:
    return lambda config: _with_flows(config, **changes)


def _quadratic(config: Config) -> Config:
    return _with_flows(config, shape=_flows_of(config).shape | {"odd": "quadratic"})


def _seed(number: int) -> Callable[[Config], Config]:
    """Other events drawn and other initial weights of everything: what a repetition of the training changes."""

    def change(config: Config) -> Config:
        config = _with_flows(config, training=replace(_flows_of(config).training, seed=number))
        networks, gate = config.networks, config.gate
        classifier = replace(networks.classifier, seed=number)
        networks = replace(networks, classifier=classifier, seed=networks.seed + number)
        return replace(config, networks=networks, gate=gate and replace(gate, seed=number))

    return change


def _classifier(**changes: Any) -> Callable[[Config], Config]:
    def change(config: Config) -> Config:
        classifier = replace(config.networks.classifier, **changes)
        return replace(config, networks=replace(config.networks, classifier=classifier))

    return change


def _no_flows(config: Config) -> Config:
    return replace(config, networks=replace(config.networks, flows=None))


def _without_flows(change: Callable[[Config], Config]) -> Callable[[Config], Config]:
    return lambda config: _no_flows(change(config))


def _same(config: Config) -> Config:
    return config


def _one_axis(config: Config) -> Config:
    return replace(config, templates=replace(config.templates, axis=None))


def _reseeded(change: Callable[[Config], Config]) -> Callable[[Config], Config]:
    return lambda config: change(_seed(1)(config))


def _repeated(variants: dict[str, Networks]) -> dict[str, Networks]:
    """Each variant, and after it the same with other draws and other initial weights."""
    again = {
        f"{name}-1": replace(first, label=f"{first.label}, other seed", change=_reseeded(first.change))
        for name, first in variants.items()
    }
    return {key: (variants | again)[key] for name in variants for key in (name, f"{name}-1")}


NETWORKS = _repeated(
    {
        "no-flows": Networks("reference: no flows", _no_flows),
        "flows": Networks("flows of S and B as inputs, c = 0.2", _same),
        "shared-events": Networks("flows trained on events of the classifier", _same, SharedEvents),
        "features": Networks("flows on all features", _flows(view="features")),
        "quadratic": Networks("flows with quadratic coupling, as published", _quadratic),
        "last-weights": Networks("no flows, weights of the last step", _without_flows(_classifier(averaging=0.0))),
    }
) | {
    "one-axis": Networks("no flows, no second axis", _without_flows(_one_axis)),
    "shipped": Networks("shipped weights", _same, ShippedScores),
}

FITS = {
    "fit": Fit("reference: the shipped likelihood and belt"),
    "no-0-jet": Fit("without events without a jet", without=("0-jet",)),
    "no-yields": Fit("shape only, no yields", LikelihoodConfig(shape_only=True)),
    "three": Fit("tes, jes, soft_met fitted", LikelihoodConfig(THREE, check_fit=False)),
    "two": Fit("tes, jes fitted", LikelihoodConfig(TWO, check_fit=False)),
    "own-error": Fit("Pratt belt that uses the estimate's error", belt=BeltConfig(use_error=True)),
    "pratt-wide": Fit("Pratt belt, μ in [0, 5]", belt=BeltConfig(mu_range=WIDE)),
    "central": Fit("central belt", belt=BeltConfig("central")),
    "central-wide": Fit("central belt, μ in [0, 5]", belt=BeltConfig("central", mu_range=WIDE)),
    "none": Fit("shape only, μ alone fitted", LIKELIHOODS["mu alone"]),
    "published": Fit(
        "as published: shape, tes and jes, no 0-jet, central, [0, 5]",
        LikelihoodConfig(TWO, shape_only=True, check_fit=False),
        BeltConfig("central", mu_range=WIDE),
        ("0-jet",),
    ),
}

VARIANTS = NETWORKS | FITS


def first_config(preset: str) -> Config:
    """`Config` that the group "networks" starts from: `default` with a tenth of its events, templates as exact.

    Their error would be larger than that of the shipped ones, and does not tell variants apart. The batches are
    smaller, since there would be few steps.
    """
    config = replace(PRESETS[BASES[preset]], likelihood=LikelihoodConfig(template_error=False))
    if preset != "full":
        return config
    config = _classifier(batch=500, averaging=0.99)(_with_flows(config, events=80_000))
    networks = replace(config.networks, rows=2_700_000)
    return replace(config, networks=networks, templates=replace(config.templates, rows=1_000_000))


def variant_record(name: str, preset: str) -> dict[str, Any]:
    """All that a variant differs from others in, as JSON holds it: dict."""
    if name in NETWORKS:
        return NETWORKS[name].change(first_config(preset)).record() | {"training": NETWORKS[name].training.__name__}
    return {key: value for key, value in record(FITS[name]).items() if key != "label"}
