"""The classifier and its training."""

import dataclasses
import re

import numpy as np
import pytest
import torch

from runtime.errors import ChallengeError
from submission.features import CATEGORIES
from training import classifier as module
from training.classifier import ClassifierConfig, LabelledEvents, train

CONFIG = ClassifierConfig(width=16, depth=2, batch=200, epochs=6, learning_rate=5e-3, averaging=0.95, seed=3)


def gaussians(events, seed):
    """Two Gaussians at distance 2: the likelihood ratio is known, exp(2 x)."""
    random = np.random.default_rng(seed)
    data = {}
    for category, inputs in zip(CATEGORIES, (2, 3)):
        labels = random.integers(0, 2, events).astype(np.float32)
        x = random.normal(size=(events, inputs)).astype(np.float32)
        x[:, 0] += 2 * labels - 1
        data[category] = LabelledEvents(x, labels, np.ones(events, np.float32))
    return data


@pytest.mark.slow
def test_learns_the_likelihood_ratio():
    """Its cross-entropy on other events is that of the known ratio, to the share that its training events cost."""
    trained = train(gaussians(16_000, 1), gaussians(2000, 2), CONFIG)
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    for number, (x, labels, _) in enumerate(gaussians(20_000, 3).values()):
        x, labels = torch.tensor(x), torch.tensor(labels)
        best, reached = loss(2 * x[:, 0], labels), loss(trained.classifier(x, number), labels)
        assert best < reached < best + 0.01
    assert [record["epoch"] for record in trained.history] == [1, 2, 3, 4, 5, 6]


def test_weights_count_as_so_many_events():
    """Background of weight 3 and signal of weight 1 shift the logit by log 3."""
    plain, heavy = (gaussians(16_000, 1), gaussians(2000, 2)), []
    for events in plain:
        heavy.append({name: kept._replace(weights=3 - 2 * kept.labels) for name, kept in events.items()})
    x = torch.tensor(gaussians(2000, 3)["1-jet"].inputs)
    logits = [train(*events, CONFIG).classifier(x, 0) for events in (plain, heavy)]
    assert (logits[0] - logits[1]).mean() == pytest.approx(np.log(3), abs=0.1)


class Stop(Exception):
    """The end of a training before its time."""


def test_a_resumed_training_ends_with_the_same_weights(tmp_path):
    events, checkpoint = (gaussians(2000, 1), gaussians(500, 2)), tmp_path / "checkpoint.npz"

    saves = []

    def save_and_stop(path, state, about, save=module.save_checkpoint):
        save(path, state, about)
        saves.append(state.epoch)
        if len(saves) == 2:
            raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "save_checkpoint", save_and_stop)
        with pytest.raises(Stop):
            train(*events, CONFIG, checkpoint=checkpoint)
    resumed = train(*events, CONFIG, checkpoint=checkpoint)
    whole = train(*events, CONFIG)
    assert resumed.history == whole.history
    for name, weight in whole.classifier.state_dict().items():
        assert torch.equal(weight, resumed.classifier.state_dict()[name]), name
    with pytest.raises(ChallengeError, match="checkpoint of other settings"):
        train(*events, dataclasses.replace(CONFIG, width=8), checkpoint=checkpoint)


def _nan(x, labels, weights):
    x[0, 0] = np.nan
    return LabelledEvents(x, labels, weights)


def _one_class(x, labels, weights):
    return LabelledEvents(x, np.ones_like(labels), weights)


@pytest.mark.parametrize(
    ("change", "text"), [(_nan, "1-jet: inputs hold NaN or infinity"), (_one_class, "signal and background are both")]
)
def test_bad_events(change, text):
    good, bad = gaussians(500, 2), gaussians(500, 1)
    bad["1-jet"] = change(*bad["1-jet"])
    with pytest.raises(ChallengeError, match=text):
        train(bad, good, CONFIG)


def test_an_average_that_would_hold_the_first_weights():
    """Each of 6 epochs has two steps of 200 events in either category; the error names the largest value that works."""
    events, few = gaussians(400, 1), dataclasses.replace(CONFIG, averaging=0.9)
    with pytest.raises(ChallengeError, match=r"has 24 steps.* would hold 8% of the first ones") as error:
        train(events, events, few)
    bound = float(re.search(r"averaging=(\S+) or less", str(error.value))[1])
    assert 0.01 * 0.98 < bound**24 <= 0.01
    assert len(train(events, events, dataclasses.replace(few, averaging=bound)).history) == 6


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_that_is_not_there():
    with pytest.raises(ChallengeError, match="torch sees no CUDA device"):
        train(gaussians(500, 1), gaussians(500, 2), CONFIG, device="cuda")
