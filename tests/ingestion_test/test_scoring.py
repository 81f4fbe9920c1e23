"""Scoring: the official numbers, a case computed by hand, and HiggsML 0.1.5 as second witness."""

import json
import math

import numpy as np
import pytest

from ingestion_test.result_files import write_scores
from ingestion_test.scoring import (
    Running,
    bootstrap,
    coverage_band,
    coverage_penalty,
    quantiles_score,
    score_sets,
    share_interval,
    sigma68,
)
from tests.conftest import OFFICIAL
from tests.ingestion_test.prediction_folders import HAND_MUS, HAND_RESULTS, random_results, write_folder


@pytest.fixture(params=range(3))
def official(request):
    return json.loads((OFFICIAL / f"scoring_{request.param}.json").read_text())


class TestOfficial:
    """What the competition program made of the same results, to 1e-9."""

    def test_overall(self, official, tmp_path):
        scores = score_sets(official["ground_truth_mus"], official["results"])
        write_scores(tmp_path / "scores.json", scores, official["ingestion_duration"])
        assert json.loads((tmp_path / "scores.json").read_text()) == pytest.approx(official["scores"], abs=1e-9, rel=0)

    @pytest.mark.parametrize("name", ["rmse", "mae", "interval", "coverage", "quantiles_score", "size"])
    def test_each_set(self, official, name):
        scores = score_sets(official["ground_truth_mus"], official["results"])
        expected = official["sets"]["set_size" if name == "size" else name]
        assert [getattr(score, name) for score in scores.sets] == pytest.approx(expected, abs=1e-9, rel=0)

    @pytest.mark.parametrize("name", ["interval", "coverage", "quantiles_score"])
    def test_bootstrap(self, official, name):
        drawn = bootstrap(score_sets(official["ground_truth_mus"], official["results"]))
        expected = official["bootstrap"][name]
        assert drawn.summary()[name]["mean"] == pytest.approx(expected["mean"], abs=1e-9, rel=0)
        assert drawn.summary()[name]["std"] == pytest.approx(expected["std"], abs=1e-9, rel=0)
        assert getattr(drawn, name)[:5] == pytest.approx(expected["first"], abs=1e-9, rel=0)
        assert getattr(drawn, name).shape == (1000,)


def test_by_hand():
    scores = score_sets(HAND_MUS, HAND_RESULTS)
    first, second = scores.sets
    assert first.rmse == pytest.approx((0.1 + math.sqrt(0.09 + 0.05**2)) / 2)
    assert first.mae == pytest.approx((0.1 + 0.3 + 0.1) / 2)
    assert (first.interval, first.coverage) == (pytest.approx(0.3), 0.5)  # p16 = mu covers
    assert (second.rmse, second.mae, second.interval, second.coverage) == (0, 0, 0.875, 1)  # so does p84 = mu
    # RMSE and MAE are means of the sets' values, interval and coverage are over all six intervals.
    assert (scores.rmse, scores.mae) == (pytest.approx(first.rmse / 2), pytest.approx(0.125))
    assert (scores.interval, scores.coverage, scores.size) == (pytest.approx(4.1 / 6), pytest.approx(5 / 6), 6)
    assert scores.coverage_error == pytest.approx(math.sqrt(5 / 36 / 6))
    assert scores.f == 1
    assert scores.quantiles_score == pytest.approx(-math.log(4.1 / 6 + 0.001))


@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_penalty(size):
    low, high = coverage_band(size)
    sigma = math.sqrt(0.6827 * 0.3173 / size)
    assert sigma68(size) == pytest.approx(sigma)
    assert (low, high) == (pytest.approx(0.6827 - 2 * sigma), pytest.approx(0.6827 + 2 * sigma))
    at = [low - 2 * sigma, low - sigma, low, 0.6827, high, high + sigma, high + 2 * sigma]
    assert coverage_penalty(np.array(at), size) == pytest.approx([17, 2, 1, 1, 1, 2, 9])


def test_a_zero_width_has_a_finite_score():
    assert quantiles_score(0.0, 0.6827, 100) == pytest.approx(math.log(1000))


def test_bootstrap_with_sets_of_different_size():
    scores = score_sets(HAND_MUS, HAND_RESULTS)
    drawn = bootstrap(scores)
    for b in range(20):
        sets = [scores.sets[i] for i in np.random.RandomState(42 + b).choice([0, 1], size=2, replace=True)]
        # The drawn sets weigh the same whatever their size.
        interval, coverage = (sets[0].interval + sets[1].interval) / 2, (sets[0].coverage + sets[1].coverage) / 2
        assert drawn.interval[b] == pytest.approx(interval)
        assert drawn.coverage[b] == pytest.approx(coverage)
        assert drawn.quantiles_score[b] == pytest.approx(
            quantiles_score(interval, coverage, sets[0].size + sets[1].size)
        )


def test_crossed_interval_has_its_width_and_never_covers():
    result = {"mu_hats": [1.0, 1.0], "delta_mu_hats": [0.1, 0.1], "p16": [1.5, 0.5], "p84": [0.5, 1.5]}
    scores = score_sets([1.0], [result])
    assert (scores.interval, scores.coverage, scores.crossed) == (1.0, 0.5, 1)
    assert scores.warnings[0].startswith("1 of 2 intervals have p16 > p84")
    assert score_sets(HAND_MUS, HAND_RESULTS).warnings == ()


def test_pulls_leave_out_intervals_without_width():
    result = {"mu_hats": [1.5, 1.5], "delta_mu_hats": [0, 0], "p16": [1.25, 1.5], "p84": [1.75, 1.5]}
    assert score_sets([1.0], [result]).sets[0].pulls == pytest.approx([2.0])
    assert score_sets([1.0], [result]).sets[0].pull_quantiles == pytest.approx([2.0, 2.0, 2.0])


def test_running_agrees_with_the_end():
    mus, results = random_results()
    running = Running()
    assert str(running) == ""
    for mu, result in zip(mus, results):
        for p16, p84 in zip(result["p16"], result["p84"]):
            running.add(mu, p16, p84)
    scores = score_sets(mus, results)
    assert str(running) == f"coverage {scores.coverage:.3f}, interval {scores.interval:.3f}"


@pytest.fixture(scope="module")
def package():
    score = pytest.importorskip("HiggsML.score", reason="the organisers' package is not installed")
    score.logger.setLevel("CRITICAL")
    return score


class TestHiggsML:
    """The PyPI package agrees in every formula.

    It differs from the competition program in that it reads "p16s" and "p84s" from a result (the competition: "p16" and
    "p84"), rounds all that it writes to four decimals, and has no final phase.
    """

    def test_formulas(self, package):
        witness = package.Scoring()
        mus, results = random_results()
        for score, mu, result in zip(score_sets(mus, results).sets, mus, results):
            estimates = list(zip(result["mu_hats"], result["delta_mu_hats"]))
            assert score.rmse == pytest.approx(
                np.mean([witness.RMSE_score(mu, *both) for both in estimates]), abs=1e-12
            )
            assert score.mae == pytest.approx(np.mean([witness.MAE_score(mu, *both) for both in estimates]), abs=1e-12)
            ends = np.array(result["p16"]), np.array(result["p84"])
            expected = witness.Quantiles_Score(np.repeat(mu, len(ends[0])), *ends)
            assert (score.interval, score.coverage, score.quantiles_score) == pytest.approx(expected, abs=1e-12)

    def test_crossed_intervals(self, package):
        p16, p84 = np.array([1.5, 0.5, 0.9]), np.array([0.5, 1.5, 1.1])
        result = {"mu_hats": [1.0] * 3, "delta_mu_hats": [0.1] * 3, "p16": p16, "p84": p84}
        scores = score_sets([1.0], [result])
        expected = package.Scoring().Quantiles_Score(np.ones(3), p16, p84)
        assert (scores.interval, scores.coverage, scores.quantiles_score) == pytest.approx(expected, abs=1e-12)

    def test_scores_json(self, package, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(package.Scoring, "save_figure", lambda *_, **__: None)
        mus, results = random_results()
        renamed = [{{"p16": "p16s", "p84": "p84s"}.get(key, key): result[key] for key in result} for result in results]
        folder = write_folder(tmp_path / "theirs", mus, renamed)
        witness = package.Scoring()
        witness.load_ingestion_duration(folder / "ingestion_duration.json")
        witness.load_ingestion_results(folder, folder)
        witness.compute_scores({"ground_truth_mus": mus})
        witness.write_scores()
        write_scores(tmp_path / "scores.json", score_sets(mus, results), 3)
        ours = json.loads((tmp_path / "scores.json").read_text())
        assert {key: round(value, 4) for key, value in ours.items()} == json.loads((folder / "scores.json").read_text())


@pytest.mark.parametrize("size", [1, 10, 1000])
@pytest.mark.parametrize("covering", [0.0, 0.3, 0.6827, 1.0])
def test_the_interval_of_a_share_holds_the_probabilities_that_would_give_it(size, covering):
    """Its ends are those p from which the share is one standard deviation sqrt(p (1 - p) / N) away."""
    share = round(covering * size) / size
    for end, limit in zip(share_interval(share, size), (0, 1)):
        assert end == limit or abs(share - end) == pytest.approx(np.sqrt(end * (1 - end) / size))
    assert share_interval(share, size)[0] < share_interval(share, size)[1]


def test_the_spread_of_redrawn_scores_is_that_of_new_ones():
    def scores(seed, size=400):
        random, mus = np.random.default_rng(seed), [0.5, 1.0, 2.0]
        results = []
        for mu in mus:
            mu_hat = mu + 0.2 * random.normal(size=size)
            half = 0.2 * random.uniform(0.9, 1.1, size)
            results.append({"mu_hats": mu_hat, "delta_mu_hats": half, "p16": mu_hat - half, "p84": mu_hat + half})
        return score_sets(mus, results)

    widths = [np.ptp(scores(seed).score_quantiles) / 2 for seed in range(20)]
    # The score follows from the length alone where the coverage is in the band, and falls where it is not.
    low, high = np.quantile([scores(seed).quantiles_score for seed in range(300)], (0.16, 0.84))
    assert np.median(widths) == pytest.approx((high - low) / 2, rel=0.6)
