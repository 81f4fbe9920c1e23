"""Draws of the nuisance parameters."""

import numpy as np
import pytest

from ingestion_test.nuisance import NUISANCE_NAMES, NuisanceParameter, draw_nuisance_parameters


def test_nuisance_parameters_follow_their_priors():
    draws = [draw_nuisance_parameters(seed, NUISANCE_NAMES) for seed in range(4000)]
    values = {name: np.array([draw[name] for draw in draws]) for name in NUISANCE_NAMES}
    for name, width in (("tes", 0.01), ("jes", 0.01), ("ttbar_scale", 0.02), ("diboson_scale", 0.25)):
        assert abs(values[name].mean() - 1) < 4 * width / np.sqrt(4000)
        assert abs(values[name].std() / width - 1) < 4 / np.sqrt(8000)
    assert abs(np.median(values["soft_met"]) - 1) < 4 * 1.2533 / np.sqrt(4000)
    assert values["soft_met"].max() == 5.0
    assert np.all((values["diboson_scale"] >= 0) & (values["diboson_scale"] <= 2))


def test_a_parameter_that_is_off_shifts_the_stream():
    both = draw_nuisance_parameters(3, ("tes", "jes"))
    only = draw_nuisance_parameters(3, ("jes",))
    assert only["jes"] == both["tes"]
    assert (only["tes"], only["soft_met"], only["bkg_scale"]) == (1.0, 0.0, None)


@pytest.mark.parametrize("lognormal", [False, True])
def test_draws_beyond_the_clip_are_moved_there(lognormal):
    parameter = NuisanceParameter("wide", 5.0, (0.5, 1.5), None, lognormal)
    draws = {parameter.draw(np.random.RandomState(seed)) for seed in range(50)}
    assert {0.5, 1.5} <= draws
    assert all(0.5 <= value <= 1.5 for value in draws)
