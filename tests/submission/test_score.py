"""The scorer: categories, gate and classifier, flows' functions as inputs, devices and threads."""

import multiprocessing

import numpy as np
import pytest
import torch

from submission import score
from submission.codec import FormatError, decode, encode
from submission.features import CATEGORIES, FEATURES
from submission.score import GATE_OFFSET, Discriminator, Scorer, settle
from tests.submission.networks_examples import (
    FirstInput,
    classifier,
    discriminators,
    events,
    gate,
    members_of,
    standardisations,
)


def test_every_event_with_a_jet_gets_the_score_of_its_category():
    columns = events(90)
    place, scores = Scorer((), standardisations(), FirstInput())(columns)
    assert place.tolist() == [-1, 0, 1] * 30
    assert np.isnan(scores[::3]).all()
    for number, category in enumerate(CATEGORIES):
        assert FEATURES[category][0] == "PRI_lep_pt"
        expected = (np.log(columns["PRI_lep_pt"][number + 1 :: 3] + 1) - 3) / 2
        np.testing.assert_allclose(scores[number + 1 :: 3], expected, rtol=1e-5)


def test_events_that_do_not_pass_the_gate_are_spared_the_classifier_and_lie_below_all_others():
    first, columns = FirstInput(), events(300)
    scorer = Scorer((), standardisations(), first, gate())
    for number in range(len(CATEGORIES)):
        members = members_of(columns, number)
        outputs = scorer.gate.logits(scorer.standardised(members, number), number)
        first.shown = 0
        scores = scorer.scores(members, number)
        assert first.shown == np.sum(outputs >= 0)
        assert 0 < first.shown < 100
        np.testing.assert_array_equal(scores[outputs < 0], outputs[outputs < 0] - GATE_OFFSET)
        ungated = Scorer((), standardisations(), first).scores(members, number)
        np.testing.assert_array_equal(scores[outputs >= 0], ungated[outputs >= 0])
        assert scores[outputs < 0].max() < -GATE_OFFSET <= scores[outputs >= 0].min()


def test_a_score_does_not_depend_on_the_events_beside_it():
    scorer, columns = Scorer(discriminators(), standardisations(), classifier(2), gate()), events(60)
    _, together = scorer(columns)
    for row in (1, 2, 31):
        _, alone = scorer({name: values[row : row + 1] for name, values in columns.items()})
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-4)


def test_the_flows_functions_follow_the_features():
    scorer, members = Scorer(discriminators(), standardisations(), classifier(2)), members_of(events(30), 1)
    inputs = scorer.inputs(members, 1)
    assert inputs.shape == (10, len(FEATURES["2-jet"]) + 2)
    np.testing.assert_array_equal(inputs[:, :-2], scorer.standardised(members, 1))
    np.testing.assert_array_equal(inputs[:, -2:], 2 * scorer.discriminators[1](members) - 1)
    assert (np.abs(inputs[:, -2:]) <= 1).all()


def test_a_file_makes_the_same_scorer():
    scorer, columns = Scorer(discriminators(), standardisations(), classifier(2), gate()), events(30)
    again = decode(Scorer, encode(scorer))
    np.testing.assert_array_equal(again(columns)[1], scorer(columns)[1])
    assert not any(weight.requires_grad for weight in again.classifier.parameters())


def test_a_scorer_that_is_not_trained_has_a_file_and_no_scores():
    scorer = decode(Scorer, encode(Scorer((), standardisations(), None)))
    with pytest.raises(ValueError, match="the classifier is not trained"):
        scorer.scores(members_of(events(9), 0), 0)


def test_parts_of_another_number_of_categories_are_refused():
    with pytest.raises(ValueError, match="standardisations of 1 categories; there are 2"):
        Scorer((), standardisations()[:1], None)
    one = discriminators()[0]
    with pytest.raises(ValueError, match="no view pixels"):
        Discriminator(one.category, "pixels", one.standardisation, one.flow)


def test_a_file_of_another_class_is_no_scorer():
    with pytest.raises(FormatError, match="class Gate, which is no Scorer known here"):
        decode(Scorer, encode(gate()))


@pytest.mark.parametrize("is_worker", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_settling_takes_the_device_of_the_process_and_a_share_of_the_threads(is_worker, there, monkeypatch):
    devices, threads = [], []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: "parent" if is_worker else None)
    monkeypatch.setattr(score.os, "cpu_count", lambda: 120)
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    class Moved(FirstInput):
        def to(self, device):
            devices.append(device)

    settle(Scorer((), standardisations(), Moved()))
    assert devices == ["cuda" if there else "cpu"]
    assert threads == ([4] if is_worker else [])
