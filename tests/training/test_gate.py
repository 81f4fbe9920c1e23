"""The gate is set to let pass the share of the signal that it is told to, and as little background as it can."""

import numpy as np
import pytest
import torch

from submission.features import CATEGORIES
from training.classifier import LabelledEvents
from training.gate import GateConfig, train_gate

CONFIG = GateConfig(signal_kept=0.9, width=16, batch=100, epochs=3, learning_rate=1e-2, seed=2)


@pytest.fixture(scope="module")
def events():
    """Two Gaussians at distance 3, of as many features as the category has jets, plus one."""
    random = np.random.default_rng(1)
    data = {}
    for category, inputs in zip(CATEGORIES, (2, 3)):
        labels = (np.arange(4000) % 2).astype(np.float32)
        x = random.normal(size=(4000, inputs)).astype(np.float32)
        x[:, 0] += 3 * labels
        data[category] = LabelledEvents(x, labels, np.ones(4000, np.float32))
    return data


@pytest.fixture(scope="module")
def trained(events):
    return train_gate(events, CONFIG)


def test_the_gate_keeps_signal_and_turns_background_away(events, trained):
    gate, shares = trained
    for number, (name, (x, labels, _)) in enumerate(events.items()):
        passed = gate(torch.as_tensor(x), number).numpy() >= 0
        assert passed[labels == 1].mean() == pytest.approx(0.9, abs=2e-3)
        # The best cut lets pass the background above 3 - 1.28 standard deviations: 4.3%.
        assert passed[labels == 0].mean() < 0.06
        assert passed[labels == 0].mean() == pytest.approx(shares[name])


def test_the_share_of_the_signal_is_one_of_weights(events):
    """Signal events of weight 0 do not count: all others pass only if the cut is below theirs."""
    heavy = {}
    for name, kept in events.items():
        light = (kept.labels == 1) & (kept.inputs[:, 0] < 3)
        heavy[name] = kept._replace(weights=np.where(light, 1e-6, 1).astype(np.float32))
    gate, _ = train_gate(heavy, CONFIG)
    for number, (name, (x, labels, weights)) in enumerate(heavy.items()):
        passed = gate(torch.as_tensor(x), number).numpy() >= 0
        assert np.average(passed[labels == 1], weights=weights[labels == 1]) == pytest.approx(0.9, abs=2e-3), name
        assert passed[labels == 1].mean() < 0.6


def test_the_seed_decides(events, trained):
    again, other = (train_gate(events, config)[0] for config in (CONFIG, GateConfig(**vars(CONFIG) | {"seed": 3})))
    x = torch.as_tensor(events["1-jet"].inputs)
    assert torch.equal(again(x, 0), trained[0](x, 0))
    assert not torch.equal(other(x, 0), trained[0](x, 0))
