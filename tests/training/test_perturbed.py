"""Every row with its weight, the same whoever works on it."""

import copy
import dataclasses
import functools

import numpy as np
import pytest

from ingestion_test.sources import OfficialFolder
from submission.features import CATEGORIES, FEATURES, Standardisation
from submission.score import Scorer
from training.networks import plain_inputs
from training.perturbed import PerturbedEvents, perturbed
from training.samples import training_part


@pytest.fixture(scope="module")
def events(simulated_folder):
    sample = training_part(OfficialFolder(simulated_folder), "classifier")
    return PerturbedEvents(functools.partial(copy.copy, sample), rows=4000, block=300, passes=2, seed=3, stream=2)


@pytest.fixture(scope="module")
def inputs():
    unit = tuple(
        Standardisation(FEATURES[name], *np.array([np.zeros(len(FEATURES[name])), np.ones(len(FEATURES[name]))], "f4"))
        for name in CATEGORIES
    )
    return functools.partial(plain_inputs, Scorer((), unit, classifier=None))


def test_passes_hold_the_same_rows_with_other_nuisance_parameters(events, inputs):
    once = perturbed(dataclasses.replace(events, passes=1), inputs)
    twice = perturbed(events, inputs)
    for name in CATEGORIES:
        size = len(once[name].labels)
        np.testing.assert_array_equal(twice[name].inputs[:size], once[name].inputs)
        assert 1.95 < len(twice[name].labels) / size < 2.05
        assert len(twice[name].inputs) == len(twice[name].labels) == len(twice[name].weights)
        tau = FEATURES[name].index("PRI_had_pt")
        assert not np.isin(twice[name].inputs[size:, tau], once[name].inputs[:, tau]).all()


def test_rows_of_one_block_share_their_nuisance_parameters(events, inputs):
    """What a block holds does not depend on the rows that follow it."""
    whole, first = (perturbed(dataclasses.replace(events, rows=rows, passes=1), inputs) for rows in (4000, 600))
    for name in CATEGORIES:
        size = len(first[name].labels)
        np.testing.assert_array_equal(whole[name].inputs[:size], first[name].inputs)


@pytest.mark.slow
def test_the_same_to_the_bit_from_several_processes(events, inputs):
    alone, shared = perturbed(events, inputs), perturbed(events, inputs, workers=2)
    for name in CATEGORIES:
        for ours, theirs in zip(alone[name], shared[name]):
            np.testing.assert_array_equal(ours, theirs)
