"""Scoring: the official numbers, a case computed by hand, HiggsML 0.1.5 as second witness, and bad input."""

import errno
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ingestion_test import run_scoring
from ingestion_test.schema import RESULT_LISTS
from ingestion_test.scoring import (
    Running,
    bootstrap,
    coverage_band,
    coverage_penalty,
    load_predictions,
    quantiles_score,
    score_sets,
    sigma68,
    summary_table,
    write_scores,
)
from runtime.errors import ChallengeError

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = ROOT.parent / "shared" / "data" / "expected"
SCORING_FILES = sorted(EXPECTED.glob("scoring_*.json"))

#: Two sets of two and four pseudo-experiments. The first: distances 0.1 and 0.3, errors 0.1 and 0.2.
HAND_MUS = [1.0, 2.0]
HAND_RESULTS = [
    {"mu_hats": [1.1, 0.7], "delta_mu_hats": [0.1, 0.2], "p16": [1.0, 0.5], "p84": [1.2, 0.9]},
    {"mu_hats": [2.0] * 4, "delta_mu_hats": [0.0] * 4, "p16": [1.5] * 4, "p84": [2.5, 2.5, 2.5, 2.0]},
]


def write_folder(folder, mus=HAND_MUS, results=HAND_RESULTS, **settings):
    """Write what an ingestion leaves behind."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test_settings.json").write_text(json.dumps({"ground_truth_mus": mus, **settings}))
    (folder / "ingestion_duration.json").write_text('{"ingestion_duration": 3}')
    for i, result in enumerate(results):
        (folder / f"result_{i}.json").write_text(json.dumps(result))
    return folder


def random_results(sets=5, size=40, seed=0):
    """True mus and results whose intervals cover in about two thirds of the cases."""
    rng = np.random.default_rng(seed)
    mus = rng.uniform(0.1, 3, sets).tolist()
    results = []
    for mu in mus:
        mu_hats, half = rng.normal(mu, 0.3, size), rng.uniform(0.2, 0.4, size)
        lists = (mu_hats, half, mu_hats - half, mu_hats + half)
        results.append({key: values.tolist() for key, values in zip(RESULT_LISTS, lists)})
    return mus, results


@pytest.fixture(params=SCORING_FILES, ids=[path.name for path in SCORING_FILES])
def official(request):
    return json.loads(request.param.read_text())


@pytest.mark.skipif(not SCORING_FILES, reason="needs ../shared/data/expected")
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
        assert [getattr(one, name) for one in scores.sets] == pytest.approx(expected, abs=1e-9, rel=0)

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


def test_summary_table():
    scores = score_sets(*random_results())
    text = summary_table(scores, 1234.5, bootstrap(scores))
    heads, numbers, _ = text.splitlines()
    assert max(map(len, text.splitlines())) <= 100
    assert heads.split() == ["RMSE", "MAE", "interval", "coverage", "f", "score", "s", "/", "pseudo-experiment"]
    assert numbers.split()[:3] == [f"{x:.4f}" for x in (scores.rmse, scores.mae, scores.interval)]
    assert f"{scores.coverage:.4f} +- {scores.coverage_error:.4f}" in numbers
    assert "pseudo-experiment" not in summary_table(scores)


@pytest.fixture(scope="module")
def package():
    score = pytest.importorskip("HiggsML.score")
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
        for one, mu, result in zip(score_sets(mus, results).sets, mus, results):
            estimates = list(zip(result["mu_hats"], result["delta_mu_hats"]))
            assert one.rmse == pytest.approx(np.mean([witness.RMSE_score(mu, *both) for both in estimates]), abs=1e-12)
            assert one.mae == pytest.approx(np.mean([witness.MAE_score(mu, *both) for both in estimates]), abs=1e-12)
            ends = np.array(result["p16"]), np.array(result["p84"])
            expected = witness.Quantiles_Score(np.repeat(mu, len(ends[0])), *ends)
            assert (one.interval, one.coverage, one.quantiles_score) == pytest.approx(expected, abs=1e-12)

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


def test_scores_json_of_the_final_phase(tmp_path):
    scores = score_sets(*random_results())
    drawn = bootstrap(scores)
    write_scores(tmp_path / "scores.json", scores, 3, drawn)
    content = json.loads((tmp_path / "scores.json").read_text())
    assert list(content)[:6] == ["rmse", "mae", "interval", "coverage", "quantiles_score", "ingestion_duration"]
    assert content["bootstrap_quantiles_score_mean"] == np.mean(drawn.quantiles_score)
    assert content["bootstrap_coverage_std"] == np.std(drawn.coverage)
    assert len(content) == 12


def test_load_predictions(tmp_path):
    predictions = load_predictions(write_folder(tmp_path, num_pseudo_experiments=2))
    assert (predictions.results, predictions.ingestion_duration) == (HAND_RESULTS, 3)
    assert predictions.warnings == ("result_1.json has 4 pseudo-experiments, test_settings.json says 2",)


def _without(name):
    return lambda folder: (folder / name).unlink()


def _with(name, text):
    return lambda folder: (folder / name).write_text(text)


def _result(**changed):
    return _with("result_1.json", json.dumps(HAND_RESULTS[1] | changed))


@pytest.mark.parametrize(
    ("spoil", "file", "message"),
    [
        (_without("test_settings.json"), "test_settings.json", "is missing"),
        (_without("ingestion_duration.json"), "ingestion_duration.json", "is missing"),
        (_without("result_0.json"), "result_0.json", "is missing"),
        (_with("result_2.json", "{}"), "result_2.json", "only 2 ground_truth_mus"),
        (_with("result_0.json", '{"mu_hats": [1.'), "result_0.json", "is no JSON"),
        (_with("result_0.json", "[]"), "result_0.json", "must be a JSON object"),
        (_with("test_settings.json", "{}"), "test_settings.json", "'ground_truth_mus' must be a list"),
        (_with("test_settings.json", '{"ground_truth_mus": ["1", 2]}'), "test_settings.json", "has '1' at index 0"),
        (_with("ingestion_duration.json", '{"ingestion_duration": null}'), "ingestion_duration.json", "not None"),
        (_result(p16=None), "result_1.json", "'p16' must be a list"),
        (_result(mu_hats=[]), "result_1.json", "'mu_hats' must be a list of numbers that is not empty"),
        (_result(p84=[2.0] * 3), "result_1.json", "3 numbers in 'p84', 4 in 'mu_hats'"),
        (_result(p84=[2.0, math.nan, 2.0, 2.0]), "result_1.json", "'p84' has nan at index 1"),
        (_result(p84=[2.0, 2.0, math.inf, 2.0]), "result_1.json", "'p84' has inf at index 2"),
        (_result(delta_mu_hats=[0, 0, 0, 1e60]), "result_1.json", "'delta_mu_hats' has 1e+60 at index 3"),
        (_result(p16=[True] * 4), "result_1.json", "'p16' has True at index 0"),
        (_result(p16=["1.0"] * 4), "result_1.json", "'p16' has '1.0' at index 0"),
    ],
)
def test_bad_predictions(tmp_path, capsys, spoil, file, message):
    folder = write_folder(tmp_path / "predictions")
    spoil(folder)
    assert run_scoring.main(["--prediction", str(folder), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {folder / file}")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_no_folder(tmp_path):
    with pytest.raises(ChallengeError, match="nowhere is no folder: give the output folder of an ingestion"):
        load_predictions(tmp_path / "nowhere")


def test_output_that_cannot_be_written(tmp_path, capsys):
    folder = write_folder(tmp_path / "predictions")
    (tmp_path / "file").write_text("")
    assert run_scoring.main(["--prediction", str(folder), "--output", str(tmp_path / "file")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_full_disk_leaves_the_old_scores(tmp_path, capsys, monkeypatch):
    folder = write_folder(tmp_path)
    (folder / "scores.json").write_text("old")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert run_scoring.main(["--prediction", str(folder), "--output", str(folder)]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert (folder / "scores.json").read_text() == "old"
    assert not list(folder.glob(".*.part"))


@pytest.mark.parametrize("phase_2", [False, True])
def test_script_from_another_folder(tmp_path, phase_2):
    mus, results = random_results()
    write_folder(tmp_path / "predictions", mus, results)
    command = [sys.executable, "-W", "error", ROOT / "ingestion_test" / "run_scoring.py", "--prediction", "predictions"]
    command += ["--output", "new/out", *(["--phase-2"] if phase_2 else [])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    scores = score_sets(mus, results)
    drawn = bootstrap(scores) if phase_2 else None
    assert done.stdout.startswith(summary_table(scores, bootstrap=drawn))
    written = json.loads((tmp_path / "new" / "out" / "scores.json").read_text())
    assert written["quantiles_score"] == scores.quantiles_score
    assert ("bootstrap_coverage_mean" in written) == phase_2
    report = (tmp_path / "new" / "out" / "detailed_results.html").read_text(encoding="utf-8")
    assert ("1000 bootstraps of the sets" in report) == phase_2
