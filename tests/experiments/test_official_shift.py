"""The shift of mu_hat by official yields: cells are counted as in the comparison, and signal moves mu by its share."""

from functools import partial

import numpy as np
import pytest

from experiments import official_shift
from experiments.__main__ import main
from ingestion_test.schema import SUM_WEIGHTS
from ingestion_test.simulation import official, write_folder
from ingestion_test.sources import OfficialFolder
from runtime import documents, files
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
    cells = official_shift._counts(folder, ROWS, bins_of, estimator.histogram.bins)
    sums = official.Sums()
    for chunk in official.read(folder.folder, ROWS):
        sums.add(*chunk, shifts=False)
    for cell, (ratio, error, *_) in official.yield_ratios(sums, SUM_WEIGHTS / sums.total).items():
        assert cells[cell].ratio == pytest.approx(ratio, rel=1e-6)
        assert cells[cell].error == pytest.approx(error, rel=1e-6)
        assert cells[cell].counts.sum() <= ratio * official.figures()["yields"][cell[0]][cell[1]]["nominal"] * (
            1 + 1e-6
        )


def test_more_signal_moves_mu_by_its_share(estimator):
    likelihood = Likelihood(estimator.likelihood.templates, LikelihoodConfig(template_error=False))
    cell = ("all", "htautau")
    counts = {cell: likelihood.templates.nominal[SIGNAL]}
    sigma = likelihood.fit(likelihood.templates.nominal.sum(axis=0)[None]).sigma[0]
    shift = official_shift._shift(likelihood, counts, {cell: 0.1}, 1.0)
    assert shift == pytest.approx(0.1 / sigma, rel=0.02)
    assert official_shift._shift(likelihood, counts, {cell: 0.0}, 1.0) == pytest.approx(0, abs=1e-4)
    assert np.isfinite(shift)


def test_errors_of_yields_shift_mu_independently(estimator):
    likelihood = Likelihood(estimator.likelihood.templates, LikelihoodConfig(template_error=False))
    signal = likelihood.templates.nominal[SIGNAL]
    cells = {
        ("all", "htautau"): official_shift.Counted(signal, 1 / 1.1, 0.03 / 1.1**2),
        ("half", "htautau"): official_shift.Counted(signal / 2, 1.0, 0.08),
    }
    sigma = likelihood.fit(likelihood.templates.nominal.sum(axis=0)[None]).sigma[0]
    shift, error = official_shift._with_error(likelihood, cells, list(cells), 1.0)
    assert shift == pytest.approx(0.1 / sigma, rel=0.02)
    assert error == pytest.approx(0.05 / sigma, rel=0.02)


def test_command_fills_the_page(tmp_path, shown, capsys):
    page = tmp_path / "docs" / "simulation.md"
    page.parent.mkdir()
    page.write_text("<!-- official-shift -->\n<!-- /official-shift -->\n")
    data = write_folder(tmp_path / "data", 60_000, seed=6, progress=False)
    flags = ["official-shift", "--data", str(data), "--workers", "1", "--output", str(tmp_path / "out")]
    assert main([*flags, "--rows", "20000", "--docs", str(page.parent)]) == 0
    result = files.read_json(page.parent / "simulation" / "official-shift.json")
    assert len(result["shifts"]) == 13
    assert documents.section(page, "official-shift") == official_shift.sections(result)["official-shift"]
    assert "all cells" in shown()
    (shift, error), *_ = result["shifts"]["all cells"]
    assert 0 < error < 1
    assert abs(shift) < 5 * error
    assert main([*flags, "--most", "20"]) == 2
    assert "in its first 20 rows: take more, by --most" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--rows", "-5"], ["--most", "0"], ["--workers", "0"]])
def test_numbers_that_count_nothing_are_refused(flags, capsys):
    with pytest.raises(SystemExit):
        main(["official-shift", *flags])
    assert "is less than 1" in capsys.readouterr().err
