"""Events for training: disjoint parts, draws in proportion to the weights, labels that belong to their events."""

import numpy as np
import pytest

from ingestion_test.nuisance import draw_nuisance_parameters
from ingestion_test.schema import PRIMARIES, PROCESSES
from ingestion_test.sources import OfficialFolder
from submission.features import CATEGORIES, categories
from training import samples
from training.samples import PARTS, balance_of, balanced_rows, draw_batches, training_part, weighted_batches


@pytest.fixture(scope="module")
def parts(data_folder):
    source = OfficialFolder(data_folder)
    return {name: training_part(source, name) for name in PARTS}


def test_parts_are_disjoint_and_leave_nothing_over(parts, data_folder, events):
    seen = np.concatenate([part.primaries for part in parts.values()])
    np.testing.assert_array_equal(seen, events[900:][list(PRIMARIES)].to_numpy())
    assert sum(PARTS.values()) == pytest.approx(1)


def test_rows_are_drawn_in_proportion_to_the_weights(parts):
    sample = parts["classifier"]
    rows = balanced_rows(sample, 200_000, np.random.default_rng(0))
    assert sample.is_signal[rows[:100_000]].all()
    assert not sample.is_signal[rows[100_000:]].any()
    background = np.where(sample.is_signal, 0, sample.weights)
    for place, process in enumerate(PROCESSES[:3]):
        expected = background[sample.process == place].sum() / background.sum()
        found = np.mean(sample.process[rows[100_000:]] == place)
        assert abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / 100_000), process


def test_draws_hold_the_labels_of_their_events(parts):
    """Azimuths survive every shift, so each event can be traced back to its row."""
    sample = parts["classifier"]
    traces = [PRIMARIES.index(name) for name in ("PRI_lep_phi", "PRI_had_phi")]
    label = {tuple(row): signal for row, signal in zip(sample.primaries[:, traces], sample.is_signal)}
    nuisance = draw_nuisance_parameters(3, ("tes", "jes", "soft_met"))
    for number, category in enumerate(CATEGORIES):
        batch = draw_batches(sample, 4000, np.random.default_rng(1), nuisance)[category]
        pairs = zip(batch.columns["PRI_lep_phi"], batch.columns["PRI_had_phi"])
        assert batch.labels.tolist() == [label[pair] for pair in pairs]
        assert (categories(batch.columns) == number).all()
        assert 0.2 < batch.labels.mean() < 0.8


def test_nuisance_parameters_shift_what_is_drawn(parts):
    sample = parts["classifier"]
    nominal = draw_nuisance_parameters(0, ())
    for change, feature in (({"tes": 1.1}, "PRI_had_pt"), ({"jes": 1.1}, "PRI_jet_leading_pt")):
        means = [
            draw_batches(sample, 20_000, np.random.default_rng(2), nominal | shift)["1-jet"].columns[feature].mean()
            for shift in ({}, change)
        ]
        assert means[1] > means[0] * 1.02


def test_scales_change_which_backgrounds_are_drawn(parts):
    sample = parts["classifier"]
    traces = [PRIMARIES.index(name) for name in ("PRI_lep_phi", "PRI_had_phi")]
    process = {tuple(row): place for row, place in zip(sample.primaries[:, traces], sample.process)}
    shares = []
    for scale in (None, 5.0):
        nuisance = draw_nuisance_parameters(0, ()) | {"ttbar_scale": scale}
        batch = draw_batches(sample, 60_000, np.random.default_rng(4), nuisance)["1-jet"]
        columns = batch.columns["PRI_lep_phi"], batch.columns["PRI_had_phi"]
        places = np.array([process[pair] for pair in zip(*columns)])[batch.labels == 0]
        shares.append(np.mean(places == PROCESSES.index("ttbar")) / np.mean(places == PROCESSES.index("ztautau")))
    assert shares[1] / shares[0] == pytest.approx(5, rel=0.2)


def test_a_scale_of_zero_draws_none(parts, monkeypatch):
    found = []
    monkeypatch.setattr(samples, "balanced_rows", lambda *a: found.append(a[3]) or balanced_rows(*a))
    for scale in (0.0, None):
        nuisance = draw_nuisance_parameters(0, ()) | {"diboson_scale": scale}
        draw_batches(parts["classifier"], 100, np.random.default_rng(5), nuisance)
    assert [scales["diboson"] for scales in found] == [0.0, 1.0]


def test_weighted_events_are_all_rows_in_balance(parts):
    """Every event that passes is there once with its weight; scales of backgrounds change theirs."""
    sample = parts["classifier"].with_jets()
    balance = balance_of(sample, len(sample.weights))
    nominal = draw_nuisance_parameters(0, ())
    doubled = nominal | {"ttbar_scale": 2.0}
    batches, more = (
        weighted_batches(sample, balance, np.random.default_rng(1), nuisance) for nuisance in (nominal, doubled)
    )
    assert 0.5 * len(sample.weights) < sum(len(batch.labels) for batch in batches.values()) <= len(sample.weights)
    for label in (0, 1):
        expected = (sample.weights * balance[label])[sample.is_signal == label].sum()
        assert expected == pytest.approx(len(sample.weights) / 2)
        kept = sum(batch.weights[batch.labels == label].sum() for batch in batches.values())
        assert 0.5 * expected < kept <= expected * (1 + 1e-6)
    for name, batch in batches.items():
        ratio = more[name].weights / batch.weights
        assert set(np.unique(ratio[batch.labels == 1])) == {1.0}
        assert set(np.unique(ratio.round(5))) == {1.0, 2.0}


def test_only_events_with_jets_can_enter_a_category(parts):
    sample = parts["classifier"]
    kept = sample.with_jets()
    assert len(kept.weights) < len(sample.weights)
    assert (kept.primaries[:, PRIMARIES.index("PRI_n_jets")] > 0).all()
    assert kept.weights.sum() < sample.weights.sum()
