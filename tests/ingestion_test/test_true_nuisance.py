"""mu_hat - mu against the true nuisance parameters."""

import numpy as np
import pytest

from ingestion_test.ingestion import RunSettings
from ingestion_test.jobs import Outcome
from ingestion_test.nuisance import NUISANCE_NAMES, draw_nuisance_parameters
from ingestion_test.true_nuisance import errors_against_truth, slope_of


def outcomes(size, slope):
    """Estimates with errors of 0.1, which are wrong by `slope` for each percent of tes."""
    random, made = np.random.default_rng(4), []
    for item in RunSettings(2, size).plan():
        pull = (draw_nuisance_parameters(item.seed, NUISANCE_NAMES)["tes"] - 1) / 0.01
        made.append(Outcome(item, {"mu_hat": item.mu + slope * pull + 0.1 * random.standard_normal()}, 0.0, 0.0))
    return made


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_a_parameter_that_the_fit_forgets_is_seen(slope):
    shown = {plot.title: plot for plot in errors_against_truth(outcomes(100, slope), NUISANCE_NAMES)}
    assert list(shown) == [f"μ̂ − μ against {name}" for name in NUISANCE_NAMES]  # noqa: RUF001
    for title, plot in shown.items():
        reached, error = map(float, plot.text.split("prior: ")[1].split(";")[0].split(" ± "))
        assert abs(reached - slope * title.endswith("tes")) < 4 * error
        assert plot.svg.startswith("<svg")
    assert "true soft_met (GeV)" in shown["μ̂ − μ against soft_met"].svg  # noqa: RUF001


def test_what_is_off_or_too_few_is_not_shown():
    assert [plot.title[-3:] for plot in errors_against_truth(outcomes(100, 0.0), ("jes",))] == ["jes"]
    assert errors_against_truth(outcomes(5, 0.0), NUISANCE_NAMES) == []


def test_the_error_of_a_slope_is_its_scatter():
    random = np.random.default_rng(5)
    x = random.standard_normal(50)
    slopes, errors = np.array([slope_of(x, 2 * x + random.standard_normal(50)) for _ in range(400)]).T
    assert slopes.mean() == pytest.approx(2, abs=0.03)
    assert errors.mean() == pytest.approx(slopes.std(), rel=0.1)
