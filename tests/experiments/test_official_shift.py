"""The shift of mu_hat by official yields: cells are counted as in the comparison, and signal moves mu by its share."""

from functools import partial

import numpy as np
import pytest

from experiments import official_shift
from ingestion_test.schema import SUM_WEIGHTS
from ingestion_test.simulation import official, write_folder
from ingestion_test.sources import OfficialFolder
from submission import artifacts
from submission.likelihood import Likelihood, LikelihoodConfig
from submission.templates import SIGNAL

ROWS = 3000


@pytest.fixture(scope="module")
def estimator():
    return artifacts.load()


def test_cells_are_counted_as_in_the_comparison(tmp_path, estimator):
    folder = OfficialFolder(write_folder(tmp_path / "folder", ROWS, seed=6, progress=False))
    bins_of = partial(official_shift._bins_of, estimator.histogram)
    counts, ratios = official_shift._counts(folder, ROWS, bins_of, estimator.histogram.bins)
    sums = official.Sums()
    for chunk in official.read(folder.folder, ROWS):
        sums.add(*chunk, shifts=False)
    for cell, (ratio, *_) in official.yield_ratios(sums, SUM_WEIGHTS / sums.total).items():
        assert ratios[cell] == pytest.approx(ratio, rel=1e-6)
        assert counts[cell].sum() <= ratio * official.figures()["yields"][cell[0]][cell[1]]["nominal"] * (1 + 1e-6)


def test_more_signal_moves_mu_by_its_share(estimator):
    likelihood = Likelihood(estimator.likelihood.templates, LikelihoodConfig(template_error=False))
    cell = ("all", "htautau")
    counts = {cell: likelihood.templates.nominal[SIGNAL]}
    sigma = likelihood.fit(likelihood.templates.nominal.sum(axis=0)[None]).sigma[0]
    shift = official_shift._shift(likelihood, counts, {cell: 0.1}, 1.0)
    assert shift == pytest.approx(0.1 / sigma, rel=0.02)
    assert official_shift._shift(likelihood, counts, {cell: 0.0}, 1.0) == pytest.approx(0, abs=1e-4)
    assert np.isfinite(shift)
