"""The flows' log-ratio as the start that a network corrects."""

import numpy as np
import pytest
import torch

from experiments.methods.log_ratio import LogRatioScorer, StartedClassifier, StartedEnsemble, method
from ingestion_test.official.systematics import systematics
from submission.codec import decode, encode
from submission.features import CATEGORIES, COORDINATES, FEATURES, Standardisation, categories, features
from submission.flows import Flow, FlowConfig
from submission.score import Discriminator
from tests.conftest import make_events
from training.networks import Kind
from training.stages import Training


@pytest.fixture(scope="module")
def events():
    shifted = systematics(make_events(4000, seed=3))
    which = categories(shifted)
    return [shifted[which == number].reset_index(drop=True) for number in range(len(CATEGORIES))]


def _flow(size):
    torch.manual_seed(size)
    flow = Flow(FlowConfig(features=size, layers=2, depth=1, width=4), flows=2).eval()
    with torch.no_grad():
        for weights in flow.parameters():
            weights.normal_(0, 0.1)
    return flow


def test_the_last_input_is_the_log_ratio_of_the_flows(events):
    read = tuple(Standardisation.of(FEATURES[name], features(rows, name)) for name, rows in zip(CATEGORIES, events))
    flows = []
    for name in CATEGORIES:
        size = len(COORDINATES[name])
        standard = Standardisation(COORDINATES[name], np.zeros(size, np.float32), np.ones(size, np.float32))
        flows.append(Discriminator(name, "coordinates", standard, _flow(size)))
    scorer = LogRatioScorer(tuple(flows), read, classifier=None)
    for number, rows in enumerate(events):
        log_q = flows[number].log_q(rows)
        inputs = scorer.inputs(rows, number)
        assert inputs.shape == (len(rows), len(FEATURES[CATEGORIES[number]]) + 3)
        np.testing.assert_array_equal(inputs[:, -1], np.clip(log_q[:, 0] - log_q[:, 1], -20, 20))
        assert inputs[:, -1].std() > 0
    assert LogRatioScorer((), read, classifier=None).inputs(events[0], 0).shape[1] == len(FEATURES["1-jet"])


def test_the_network_is_added_to_it():
    network = StartedClassifier((3, 4), width=8, depth=2, seed=1).eval()
    inputs = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    further = inputs + np.float32([0, 0, 0, 2])
    np.testing.assert_allclose(network.logits(further, 1) - network.logits(inputs, 1), 2, atol=1e-5)
    other = inputs + np.float32([1, 0, 0, 0])
    assert (network.logits(other, 1) != network.logits(inputs, 1)).all()


def test_a_file_makes_it_again_to_the_bit():
    ensemble = StartedEnsemble([StartedClassifier((3, 4), width=8, depth=2, seed=seed).eval() for seed in (1, 2)])
    again = decode(StartedEnsemble, encode(ensemble))
    inputs = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    np.testing.assert_array_equal(again.logits(inputs, 0), ensemble.logits(inputs, 0))


def test_its_training_differs_from_the_default_one_in_the_networks_alone(tmp_path):
    own = method()
    assert own.config is not None
    training = own.training(own.config("smoke"), None, tmp_path)
    assert training.kind.scorer is LogRatioScorer
    assert training.kind.inputs is Kind().inputs
    assert training.config == Training(own.config("smoke"), None, tmp_path).config
