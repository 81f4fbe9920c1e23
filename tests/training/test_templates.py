"""Templates from small simulated samples."""

import functools

import numpy as np
import pandas as pd
import pytest

from ingestion_test.official.systematics import systematics
from ingestion_test.schema import FEATURES, PRIMARIES, PROCESSES, YIELDS
from ingestion_test.simulation import simulate
from runtime.errors import ChallengeError
from submission.counting import PointCounts
from submission.likelihood import Likelihood, LikelihoodConfig, mu_response
from submission.parameters import PARAMETERS
from training import templates as stage
from training.checkpoints import write
from training.samples import Sample, load_sample, save_sample
from training.templates import TemplateEvents, count_events, make_templates, points

BINS = 9


def bins_of(features):
    """Transverse mass in each category of jet multiplicity; what is above 60 GeV is in no bin."""
    columns = dict(zip(FEATURES, features.T))
    mass = np.digitize(columns["DER_mass_transverse_met_lep"], (20, 40, 60))
    return np.where(mass < 3, 3 * np.minimum(columns["PRI_n_jets"], 2).astype(int) + mass, -1)


@pytest.fixture(scope="module")
def sample():
    blocks = list(simulate(20_000, seed=3, unweighted=True))
    primaries = np.concatenate([np.column_stack([block[name] for name in PRIMARIES]) for block in blocks])
    weights, process = (np.concatenate([block[name] for block in blocks]) for name in ("weights", "process"))
    return Sample(primaries, weights, process.astype(int))


@pytest.fixture(scope="module")
def events(sample):
    return TemplateEvents(lambda: sample, bins_of, BINS, "20,000 simulated events, transverse mass")


@pytest.fixture(scope="module")
def outcome(events):
    return make_templates(events, seed=1)


def test_counts_are_those_of_the_official_callable(events, sample):
    """The same events through the callable that a submission is given; without soft_met, whose noise is random."""
    here = count_events(events, (1.02, 0.97, 0.0), seed=1)
    counts, variance = here.counts, here.variance
    frame = pd.DataFrame(sample.primaries, columns=list(PRIMARIES))
    frame = frame.assign(weight=sample.weights, process=sample.process)
    shifted = systematics(frame, tes=1.02, jes=0.97)
    bins = bins_of(shifted[list(FEATURES)].to_numpy())
    for number in range(len(PROCESSES)):
        rows = (shifted["process"].to_numpy() == number) & (bins >= 0)
        weights = shifted["weight"].to_numpy(dtype=float)[rows]
        np.testing.assert_allclose(counts[number], np.bincount(bins[rows], weights, BINS))
        np.testing.assert_allclose(variance[number], np.bincount(bins[rows], weights**2, BINS))


def test_soft_met_noise_is_the_same_at_all_points_and_fresh_for_every_event(events):
    once, again, other = (count_events(events, (1.0, 1.0, 3.0), seed).counts for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


def test_nominal_counts_add_up_to_the_yields(outcome):
    templates, _ = outcome
    total = dict(zip(PROCESSES, templates.nominal.sum(axis=1)))
    for process, count in total.items():
        assert 0.2 * YIELDS[process] < count < YIELDS[process]


def test_interpolation_at_points_off_the_grid(outcome, events):
    """The error of the interpolation is small beside the statistical one, which the same events share."""
    templates, summary = outcome
    for point in points()[-stage.PROBES :]:
        counts = count_events(events, point, seed=1).counts
        values = np.ones((1, len(PARAMETERS)))
        values[0, 1:4] = point
        difference = counts - templates.counts(values)[0]
        filled = templates.variance > 0
        assert np.mean(difference[filled] ** 2 / templates.variance[filled]) < 0.5
    assert summary["interpolation_chi2"] < 0.3
    # The nominal templates are much further off where tes and jes are shifted by 3 widths.
    far = (1.03, 0.97, 4.0)
    values[0, 1:4] = far
    shift = count_events(events, far, seed=1).counts
    fitted, fixed = (np.sum((shift - counts) ** 2) for counts in (templates.counts(values)[0], templates.nominal))
    assert fitted < 0.05 * fixed


def test_grid_and_probes_are_within_the_clips():
    for i, name in enumerate(("tes", "jes", "soft_met")):
        low, high = {"tes": (0.9, 1.1), "jes": (0.9, 1.1), "soft_met": (0, 5)}[name]
        assert (points()[:, i] >= low).all()
        assert (points()[:, i] <= high).all()


def test_template_error_falls_with_the_number_of_events(sample, outcome):
    """Half the events with twice the weight: an error larger by the root of 2."""
    half = Sample(sample.primaries[::2], 2 * sample.weights[::2], sample.process[::2])
    _, fewer = make_templates(TemplateEvents(lambda: half, bins_of, BINS, "half"), seed=1)
    assert fewer["template_error"] / outcome[1]["template_error"] == pytest.approx(np.sqrt(2), rel=0.25)


def test_a_bin_with_few_events_is_reported(sample, outcome):
    """One event alone in a bin."""
    first = sample.primaries[0, PRIMARIES.index("PRI_lep_pt")]

    def lonely(features):
        return np.where(features[:, PRIMARIES.index("PRI_lep_pt")] == first, 0, 1)

    few = Sample(sample.primaries[:200], sample.weights[:200], sample.process[:200])
    _, summary = make_templates(TemplateEvents(lambda: few, lonely, 2, "a lonely event"), seed=1)
    assert summary["least_events"] == pytest.approx(1)
    assert outcome[1]["least_events"] > 50


def test_response_of_mu_to_more_events(outcome):
    """The linear response predicts by how much the fit moves."""
    templates, _ = outcome
    likelihood = Likelihood(templates, LikelihoodConfig(template_error=False))
    truth = np.eye(len(PARAMETERS))[:1]
    expected = likelihood.expected(truth)[0]
    more = expected.copy()
    more[0, 4] += 0.02 * np.sqrt(more[0, 4])
    fits = likelihood.fit(np.concatenate([expected, more]))
    moved = (fits.mu_hat[1] - fits.mu_hat[0]) / fits.sigma[0]
    assert moved == pytest.approx(mu_response(templates)[0] @ (more - expected)[0], rel=0.02)


def test_interrupted_stage_resumes(events, tmp_path, outcome):
    calls = []

    def interrupted(features):
        calls.append(len(features))
        if len(calls) > 10:
            raise KeyboardInterrupt
        return bins_of(features)

    broken = TemplateEvents(events.sample, interrupted, BINS, events.description)
    with pytest.raises(KeyboardInterrupt):
        make_templates(broken, 1, tmp_path)
    kept = len(list(tmp_path.iterdir()))
    assert 0 < kept < len(points())
    calls.clear()
    counting = TemplateEvents(events.sample, lambda f: calls.append(1) or bins_of(f), BINS, events.description)
    resumed, _ = make_templates(counting, 1, tmp_path)
    assert len(calls) == len(points()) - kept
    np.testing.assert_array_equal(resumed.coefficients, outcome[0].coefficients)


@pytest.mark.slow
def test_workers_do_not_change_the_templates(sample, outcome, tmp_path):
    save_sample(sample, tmp_path)
    stored = TemplateEvents(functools.partial(load_sample, tmp_path), bins_of, BINS, "stored")
    np.testing.assert_array_equal(make_templates(stored, 1, workers=2)[0].coefficients, outcome[0].coefficients)


def test_counts_of_other_events_are_refused(events, tmp_path):
    write(tmp_path / "point00.npz", PointCounts(np.ones((4, BINS)), np.ones((4, BINS))), "other events")
    with pytest.raises(ChallengeError, match="remove it"):
        make_templates(events, 1, tmp_path)
    (tmp_path / "point00.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(ChallengeError, match="cannot be read"):
        make_templates(events, 1, tmp_path)
