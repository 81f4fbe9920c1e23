"""The simulation obeys its laws: kinematics, decay spectra, momentum balance, thresholds, unbiased weights."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import kstest

from ingestion_test.schema import PRIMARIES, PROCESSES, UNDEFINED
from ingestion_test.simulation import decays, detector, importance, processes, resonance, vectors
from ingestion_test.simulation.radiation import FURTHER_NODES, NODES, radiate
from ingestion_test.simulation.sample import MIN_ROWS


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def four_vectors(rng, n):
    momentum = rng.normal(0, 50, (3, n))
    return (*momentum, np.sqrt((momentum**2).sum(0) + rng.uniform(1, 100, n) ** 2))


def dot(p, q):
    return p[3] * q[3] - p[0] * q[0] - p[1] * q[1] - p[2] * q[2]


def test_boost_keeps_invariants(rng):
    p, q, frame = (four_vectors(rng, 1000) for _ in range(3))
    boosted_p, boosted_q = vectors.boost(p, frame), vectors.boost(q, frame)
    np.testing.assert_allclose(dot(boosted_p, boosted_q), dot(p, q), rtol=1e-9, atol=1e-4)
    at_rest = (*np.zeros((3, 1000)), vectors.invariant_mass(frame))
    np.testing.assert_allclose(vectors.boost(at_rest, frame), frame, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "cdf"), [(None, lambda c: (1 + c) / 2), ("1+cos2", lambda c: (3 * c + c**3 + 4) / 8)]
)
def test_directions(rng, shape, cdf):
    x, y, z = vectors.isotropic(rng, 20_000, shape)
    np.testing.assert_allclose(x**2 + y**2 + z**2, 1, rtol=1e-5)
    assert kstest(z, cdf).pvalue > 1e-3
    assert kstest(np.arctan2(y, x), lambda phi: (phi + np.pi) / (2 * np.pi)).pvalue > 1e-3


def test_two_body_decay_is_isotropic_at_rest_and_conserves_momentum(rng):
    parent = four_vectors(rng, 20_000)
    first, second = vectors.two_body(rng, parent, 0.3 * vectors.invariant_mass(parent))
    np.testing.assert_allclose(np.add(first, second), parent, rtol=1e-4, atol=1e-2)
    mass = vectors.invariant_mass(parent)
    # In the rest frame the energy is fixed and the cosine to the parent's flight uniform; both follow from invariants.
    energy = dot(first, parent) / mass
    np.testing.assert_allclose(energy, mass * (1 + 0.3**2) / 2, rtol=1e-4)
    momentum = np.sqrt(sum(c**2 for c in parent[:3]))
    momentum_at_rest = np.sqrt(energy**2 - (0.3 * mass) ** 2)
    cos = (first[3] * mass - energy * parent[3]) / (momentum_at_rest * momentum)
    assert kstest(cos, lambda c: np.clip((1 + c) / 2, 0, 1)).pvalue > 1e-3


@pytest.mark.parametrize("polarisation", [-1, 1])
def test_leptonic_spectrum(rng, polarisation):
    x = decays.leptonic_share(1 - rng.random(20_000, dtype=np.float32), np.full(20_000, polarisation))

    def below(x):
        return 5 / 3 * x - x**3 + x**4 / 3 + polarisation * (x / 3 - x**3 + 2 / 3 * x**4)

    assert kstest(x, below).pvalue > 1e-3
    given = np.linspace(0, 1, 100)
    np.testing.assert_allclose(decays.leptonic_survival(given, polarisation), 1 - below(given), atol=1e-12)


@pytest.mark.parametrize("polarisation", [-1, 1])
def test_pion_spectrum(rng, polarisation):
    x = decays.hadronic_share(1 - rng.random(20_000, dtype=np.float32), 0.0, 1.0 * polarisation)
    assert kstest(x, lambda x: x + polarisation * (x**2 - x)).pvalue > 1e-3  # f = 1 + P (2x - 1)


@pytest.mark.parametrize("ratio", [0.01, 0.19, 0.5])
@pytest.mark.parametrize("slope", [-1.0, -0.4, 0.0, 0.7])
def test_hadronic_share_inverts_survival_and_respects_the_mass(ratio, slope):
    survival = np.linspace(0.001, 0.999, 200)
    x = decays.hadronic_share(survival, ratio, slope)
    np.testing.assert_allclose(decays.hadronic_survival(x, ratio, slope), survival, atol=1e-6)
    assert x.min() >= ratio
    assert x.max() <= 1


def test_radiation_has_its_rate(rng):
    flat = {"rate": (-1.0,) * len(NODES), "further": (0.0,) * len(FURTHER_NODES), "stretch": 0.0, "boost": 0.0}
    model = dataclasses.replace(processes.MODELS["ztautau"].radiation, **flat)
    pt, _, _ = radiate(rng, 50_000, model, slots=12)
    above = (pt > 50).sum(0)
    expected = np.exp(-1.0) * np.log(2000 / 50)
    assert abs(above.mean() - expected) < 5 * np.sqrt(expected / 50_000)
    assert abs((above == 0).mean() - np.exp(-expected)) < 0.01  # the Sudakov factor
    assert (np.diff(pt, axis=0) <= 0).all()


def test_further_emissions_recoil_against_the_first(rng):
    radiation = processes.MODELS["ztautau"].radiation
    for recoil in (0.0, 0.6):
        pt, phi, _ = radiate(rng, 100_000, dataclasses.replace(radiation, recoil=recoil))
        cos = np.cos(phi[1] - phi[0])[pt[1] > 0]
        # The density 1 - recoil cos has the mean cosine -recoil / 2.
        assert abs(cos.mean() + recoil / 2) < 5 / np.sqrt(2 * len(cos))


def test_a_harder_first_emission_makes_further_ones_harder(rng):
    radiation = dataclasses.replace(processes.MODELS["ztautau"].radiation, stretch=0.5)
    pt, _, _ = radiate(rng, 200_000, radiation, chance=np.full(200_000, 0.01, np.float32))
    harder, _, _ = radiate(rng, 200_000, radiation, chance=np.full(200_000, 0.001, np.float32))
    assert harder[0, 0] > pt[0, 0]
    assert (harder[1] > 50).mean() > (pt[1] > 50).mean()


def perfect(model):
    """A model with a detector that measures the momentum of everything exactly, up to the jets' scale correction."""
    exact = detector.Response(
        jet=1.0,
        fragmentation=0.0,
        tail=0.0,
        had=1.0,
        had_width=0.0,
        underlying=0.0,
        noise=0.0,
        noise_spread=0.0,
        soft=1.0,
    )
    return dataclasses.replace(model, response=exact)


#: Numbers that make a channel of the process the only one or the last one thrown.
CHANNELS = {
    "ztautau": ({"fakes": 0.0}, {}),
    "htautau": ({"fakes": 0.0, "modes": (0.0, 0.0, 0.0)}, {"modes": (0.0, 0.0, 0.0)}, {}),
    "ttbar": [{"channels": {name: 1.0}} for name in processes.MODELS["ttbar"].channels],
    "diboson": [{"channels": {name: 1.0}} for name in processes.MODELS["diboson"].channels],
}


@pytest.mark.parametrize(("process", "change"), [(p, change) for p, changes in CHANNELS.items() for change in changes])
def test_momentum_balances_before_smearing(process, change, monkeypatch):
    monkeypatch.setattr(detector, "LEP_RESOLUTION", 0.0)
    monkeypatch.setattr(detector, "measured_share", lambda rng, energy, eta, mean, width: np.ones_like(eta))
    monkeypatch.setattr(detector, "uncorrected", lambda pt, eta: pt)
    monkeypatch.setattr(detector, "scale_correction", lambda pt, eta: np.ones_like(pt))
    # Partons merged into one jet keep the sum of their pT, not their momentum.
    monkeypatch.setattr(detector, "merge", lambda pt, eta, phi, slots=None: None)
    seen = {}
    observe = detector.observe

    def spy(rng, lep, had, jets, partons, unseen, soft, response):
        seen.update(lep=lep, had=had, partons=partons, unseen=unseen, soft=soft)
        return observe(rng, lep, had, jets, partons, unseen, soft, response)

    monkeypatch.setattr(detector, "observe", spy)
    model = dataclasses.replace(perfect(processes.MODELS[process]), **change)
    processes.throw(process, np.random.default_rng(3), 20_000, model)
    pt, _, phi = seen["partons"]
    for axis, turn in enumerate((np.cos, np.sin)):
        total = (pt * turn(phi)).sum(0) + seen["unseen"][axis] + seen["soft"][axis]
        total += sum(p * turn(angle) for p, _, angle in (seen["lep"], seen["had"]))
        # Where no jet can be taken for a tau, the event has no weight.
        good = (seen["lep"][0] > 0) & (seen["had"][0] > 1.5)
        np.testing.assert_allclose(total[good], 0, atol=0.1)


@pytest.mark.parametrize("process", PROCESSES)
def test_thresholds(process):
    columns, weights = processes.throw(process, np.random.default_rng(4), 20_000)
    assert set(columns) == set(PRIMARIES)
    assert len(weights) > 1000
    assert (weights > 0).all()
    assert np.isfinite(np.stack(list(columns.values()))).all()
    assert columns["PRI_lep_pt"].min() > 20
    assert np.abs(columns["PRI_lep_eta"]).max() <= 2.5
    assert np.abs(columns["PRI_had_eta"]).max() <= 2.5
    raw = detector.uncorrected(columns["PRI_had_pt"], columns["PRI_had_eta"])
    assert raw.min() > 20 - 1e-3
    jets = columns["PRI_n_jets"]
    for number, jet in enumerate(("PRI_jet_leading", "PRI_jet_subleading")):
        there = jets > number
        raw = detector.uncorrected(columns[f"{jet}_pt"][there], columns[f"{jet}_eta"][there])
        assert raw.min() > 20 - 1e-3
        assert np.abs(columns[f"{jet}_eta"][there]).max() < 4.9
        assert (columns[f"{jet}_pt"][~there] == UNDEFINED).all()
    assert (columns["PRI_jet_leading_pt"] >= columns["PRI_jet_subleading_pt"]).all()
    one = jets == 1
    np.testing.assert_allclose(columns["PRI_jet_all_pt"][one], columns["PRI_jet_leading_pt"][one], rtol=1e-5)


def test_scale_correction_inverts():
    pt, eta = np.meshgrid(np.linspace(5, 300, 50), np.linspace(-4.9, 4.9, 21))
    np.testing.assert_allclose(detector.uncorrected(pt * detector.scale_correction(pt, eta), eta), pt, rtol=1e-6)


def test_tau_energy_moves_had_pt_and_met_together():
    """Of the same events measured with a tau response 5% higher, MET loses what the hadronic tau gains."""
    model = processes.MODELS["ztautau"]
    higher = dataclasses.replace(model, response=dataclasses.replace(model.response, had=model.response.had * 1.05))
    low, high = (resonance.generate(np.random.default_rng(5), 100_000, m)[0] for m in (model, higher))

    def along_tau(p):
        return np.mean(p["PRI_met"] * np.cos(p["PRI_met_phi"] - p["PRI_had_phi"]))

    assert along_tau(high) < along_tau(low) - 0.5


def test_sampling_given_the_thresholds_is_exact(monkeypatch):
    """Trying more decays per event changes neither the acceptance nor the mean momenta."""
    results = []
    for tries in (1, 6):
        monkeypatch.setattr(resonance, "TRIES", tries)
        columns, weights = resonance.generate(np.random.default_rng(6 + tries), 150_000, processes.MODELS["ztautau"])
        pt = columns["PRI_had_pt"]
        results.append((weights.sum() / 150_000, np.average(pt, weights=weights), np.std(weights) / np.sqrt(150_000)))
    (one, pt_one, error_one), (six, pt_six, error_six) = results
    assert abs(one - six) < 5 * np.hypot(error_one, error_six)
    assert abs(pt_one - pt_six) < 0.5


def test_proposals_are_undone_by_their_weights():
    model = processes.MODELS["ztautau"]
    flat = dataclasses.replace(model, proposal=((0, 1),) * 4)
    means = []
    for number, m in enumerate((model, flat)):
        columns, weights = resonance.generate(np.random.default_rng(8 + number), 150_000, m)
        jets = np.average(columns["PRI_n_jets"] == 0, weights=weights)
        means.append((weights.sum() / 150_000, jets))
    assert abs(means[0][0] / means[1][0] - 1) < 0.03
    assert abs(means[0][1] - means[1][1]) < 0.02


def test_drawing_from_grids(rng):
    grids = [[0, 0.01, 0.1, 1], [0, 0.5, 0.9, 1]]
    numbers, weight = importance.draw(rng, 100_000, grids)
    assert abs(weight.mean() - 1) < 0.03
    assert abs((weight * numbers[0]).mean() - 0.5) < 0.02
    assert abs((weight * numbers[0] * numbers[1]).mean() - 0.25) < 0.02


def test_thinning_is_unbiased_and_gives_the_number_asked_for(rng):
    weights, richness = rng.random(MIN_ROWS), rng.random(MIN_ROWS) + 0.1
    values = rng.random(MIN_ROWS)
    totals = []
    for _ in range(300):
        rows, kept = importance.thin(rng, weights, richness, 200)
        assert len(np.unique(rows)) == 200
        totals.append((kept * values[rows]).sum())
    assert abs(np.mean(totals) - (weights * values).sum()) < 4 * np.std(totals) / np.sqrt(300)
    everything, same = importance.thin(rng, weights, richness, MIN_ROWS)
    np.testing.assert_array_equal(everything, np.arange(MIN_ROWS))
    np.testing.assert_allclose(same, weights)
