"""The toy study: its analytic side against other formulas, and a small run from end to end."""

import itertools
import json
import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from experiments import __main__
from experiments.toy import command, networks, tables
from experiments.toy.classifiers import accuracy, train_classifiers
from experiments.toy.gaussians import (
    BACKGROUND,
    SIGNAL,
    Embedding,
    Grid,
    contrastive_density,
    draw_points,
    log_density,
    orthogonal,
)
from submission.flows import FlowConfig, evaluate
from training.flows import TrainingConfig, train


@pytest.mark.parametrize("gaussian", [SIGNAL, BACKGROUND])
def test_log_density_against_scipy(gaussian):
    x = np.random.default_rng(0).normal(size=(50, 2))
    np.testing.assert_allclose(log_density(x, gaussian), multivariate_normal(*gaussian).logpdf(x))


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
def test_grid_finds_no_distance_from_the_analytic_density_itself(strength):
    grid = Grid()
    q = contrastive_density(grid.points, strength)
    with np.errstate(divide="ignore"):
        difference, beyond = grid.distance(np.log(q / (q.sum() * grid.area)), strength)
    assert difference == pytest.approx(0, abs=1e-9)
    assert beyond == pytest.approx(0, abs=1e-9)


def test_grid_measures_the_distance_of_a_known_density():
    grid = Grid()
    difference, beyond = grid.distance(log_density(grid.points, BACKGROUND), 1.0)
    x = draw_points(BACKGROUND, 100_000, np.random.default_rng(1))
    outside = np.mean(contrastive_density(x, 1.0) == 0)
    assert beyond == pytest.approx(outside, abs=0.005)
    assert 2 * beyond - 0.01 < difference < 2
    shifted, lost = grid.distance(log_density(grid.points - 100, SIGNAL), 1.0)  # all of it off the grid
    assert lost == pytest.approx(1)
    assert shifted == pytest.approx(2)


@pytest.mark.parametrize("perturbation", ["rotation", "deformation"])
@pytest.mark.parametrize("nu", [0.0, 0.7])
def test_embedded_events_have_the_density_that_is_claimed(perturbation, nu):
    embedding = Embedding(seed=1)
    x, y = (embedding.draw(g, 40_000, np.random.default_rng(2), perturbation, nu) for g in (SIGNAL, BACKGROUND))
    plane = embedding._plane(perturbation, nu)
    np.testing.assert_allclose(plane.T @ plane, np.eye(2), atol=1e-12)
    rest = np.eye(10) - plane @ plane.T
    for events, (mean, covariance) in ((x, SIGNAL), (y, BACKGROUND)):  # eq. 12
        np.testing.assert_allclose(events.mean(0), plane @ mean, atol=0.03)
        np.testing.assert_allclose(np.cov(events.T), plane @ covariance @ plane.T + rest, atol=0.05)
    right = embedding.log_ratio(x, perturbation, nu) > 0, embedding.log_ratio(y, perturbation, nu) > 0
    assert accuracy(*right) == pytest.approx(0.848, abs=0.01)


def test_perturbations_are_continuous_and_start_at_the_unperturbed():
    embedding = Embedding(seed=3)
    for perturbation in ("rotation", "deformation"):
        planes = [embedding._plane(perturbation, nu) for nu in np.linspace(0, 1, 201)]
        assert max(np.abs(a - b).max() for a, b in itertools.pairwise(planes)) < 0.1
        np.testing.assert_allclose(planes[0], orthogonal(embedding.a)[:, :2], atol=1e-12)


def test_analytic_densities_of_the_embedding():
    embedding = Embedding(seed=4)
    x = embedding.draw(SIGNAL, 2000, np.random.default_rng(5))
    ratio = embedding.log_ratio(x)
    np.testing.assert_allclose(embedding.log_mixed_ratio(x, "rotation", [0.0]), ratio, atol=1e-9)
    log_q = embedding.log_contrastive(x, 1.0)
    np.testing.assert_array_equal(np.isfinite(log_q), ratio > 0)
    plane = embedding._plane("rotation", 0.0)
    cov = plane @ SIGNAL[1] @ plane.T + np.eye(10) - plane @ plane.T
    full = multivariate_normal(plane @ SIGNAL[0], cov).logpdf(x)
    norm = 1 - np.exp(log_q - full) / (1 - np.exp(-np.clip(ratio, 0, None)) + 1e-300)
    assert np.ptp(norm[ratio > 0.1]) < 1e-6  # q_c is proportional to P_S - P_B


def test_mixed_ratio_is_the_better_classifier_where_nu_is_unknown():
    embedding, grid, rng = Embedding(seed=6), np.linspace(0, 1.5, 30), np.random.default_rng(7)
    x, y = (np.concatenate([embedding.draw(g, 300, rng, "rotation", nu) for nu in grid]) for g in (SIGNAL, BACKGROUND))
    mixed = accuracy(*(embedding.log_mixed_ratio(z, "rotation", grid) > 0 for z in (x, y)))
    assert mixed > accuracy(*(embedding.log_ratio(z) > 0 for z in (x, y))) + 0.03


@pytest.mark.slow
def test_classifiers_reach_the_bayes_accuracy():
    rng = np.random.default_rng(8)
    x = np.stack([np.concatenate([draw_points(g, 5000, rng) for g in (SIGNAL, BACKGROUND)]) for _ in range(2)])
    label = np.tile(np.arange(10_000) < 5000, (2, 1))
    order = rng.permutation(10_000)
    classifiers = train_classifiers(x[:, order], label[:, order], seed=0, epochs=40, batch=200)
    tests = [np.stack([draw_points(g, 20_000, rng)] * 2) for g in (SIGNAL, BACKGROUND)]
    assert accuracy(*map(classifiers.accepts, tests)) == pytest.approx([0.848, 0.848], abs=0.012)


@pytest.mark.slow
def test_trained_flow_approaches_the_analytic_density():
    rng = np.random.default_rng(9)
    signal, background = draw_points(SIGNAL, 10_000, rng), draw_points(BACKGROUND, 10_000, rng)
    config = TrainingConfig(("S",), (1.0,), batch=200, epochs=12, learning_rate=7e-3, depth=8.0)
    trained = train(signal, background, FlowConfig(2, layers=8, depth=2, width=32), config)
    grid = Grid()
    difference, beyond = grid.distance(evaluate(trained.flow, grid.points)[:, 0], 1.0)
    assert difference < 0.25  # a plain flow of P_S is 0.5 away, 15% of it beyond the boundary
    assert beyond < 0.02


@pytest.mark.slow
def test_smoke_run_writes_all_results(tmp_path, shown):
    page = tmp_path / "docs" / "toy.md"
    page.parent.mkdir()
    page.write_text("".join(f"<!-- {name} -->\n<!-- /{name} -->\n" for name in ("density", "networks")))
    output = tmp_path / "out"
    arguments = ["toy", "--preset", "smoke", "--output", str(output), "--docs", str(page.parent)]
    assert __main__.main(arguments) == 0
    text = shown()
    assert "mass beyond the boundary" in text
    result = json.loads((output / "toy.json").read_text())
    assert all(content in page.read_text() for content in tables.sections(result).values())
    assert [flow["c"] for flow in result["density"]["flows"]] == [0.5, 1.0, 2.0]
    assert all(0 < flow["difference"] <= 2 and 0 <= flow["beyond"] <= 1 for flow in result["density"]["flows"])
    for name, panel in result["networks"]["panels"].items():
        assert name in text
        for key in (*networks.NETWORKS, *networks.PREDICTIONS):
            assert len(panel["accuracy"][key]) == len(panel["error"][key]) == len(panel["nu"]) == 3
        known = np.array(panel["accuracy"]["ratio"])
        assert known == pytest.approx([0.848] * 3, abs=0.04)
    for figure in ("density", "strengths", "rotation", "accuracy"):
        assert (tmp_path / "docs" / "toy" / f"{figure}.png").stat().st_size > 10_000


def test_checkpoints_of_another_run_are_named(tmp_path, capsys):
    (tmp_path / "density.npz").write_bytes(b"no checkpoint")
    assert __main__.main(["toy", "--preset", "smoke", "--output", str(tmp_path)]) == 2
    assert "density.npz cannot be read (it is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["plane_samples", "embedded_samples"])
def test_checkpoints_of_other_samples_are_refused(name, tmp_path, capsys, monkeypatch):
    """Their settings are the same, so that the training would go on from them."""
    (tmp_path / "density.npz").write_bytes(b"no checkpoint")  # ends the run before anything is trained
    arguments = ["toy", "--preset", "smoke", "--output", str(tmp_path)]
    for _ in range(2):  # the same samples are not refused
        assert __main__.main(arguments) == 2
        assert "density.npz cannot be read" in capsys.readouterr().err
    drawn = getattr(command, name)
    monkeypatch.setattr(command, name, lambda config: tuple(x + 1e-6 for x in drawn(config)))
    assert __main__.main(arguments) == 2
    assert "holds other results (samples differ)" in capsys.readouterr().err


def test_winner_needs_a_clear_lead():
    clear = networks._winner({"i": np.array([0.8, 0.81, 0.8]), "ii": np.array([0.7, 0.71, 0.72])})
    assert (clear["network"], clear["next"]) == ("i", "ii")
    assert clear["lead"] == pytest.approx(0.28 / 3)
    assert clear["error"] == pytest.approx(np.std([0.1, 0.1, 0.08], ddof=1) / math.sqrt(3))
    assert tables._verdict(clear).startswith("i (+9.33")
    unclear = {"network": "i", "next": "iv", "lead": 0.01, "error": 0.02}
    assert tables._verdict(unclear) == "i ~ iv (+1.00 ± 2.00)"
