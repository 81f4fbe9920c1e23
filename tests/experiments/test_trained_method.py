"""The study of the trained method: its numbers against other ways to them, and a small run from end to end."""

import dataclasses
import json
import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from experiments import __main__, bounds
from experiments.coverage import mean_over
from experiments.score_runs import load_run
from experiments.trained_artifacts import load, load_estimator, load_manifest
from experiments.trained_method import (
    belts,
    command,
    energy_scale,
    expected_events,
    official_events,
    scored_events,
    separation,
    tables,
)
from experiments.trained_method.event_level import event_level
from experiments.trained_method.scored_events import ScoredEvents
from ingestion_test.nuisance import NUISANCE_NAMES
from ingestion_test.official.systematics import systematics
from ingestion_test.sources import OfficialFolder
from ingestion_test.submissions import PROJECT
from runtime.errors import ChallengeError
from submission import artifacts
from submission.confidence import COVERAGE, BeltConfig
from submission.parameters import PARAMETERS
from submission.score import GATE_OFFSET
from submission.templates import SIGNAL
from tests.conftest import write_folder
from training import networks, samples
from training.neyman import NeymanConfig, belt_throws, check_throws
from training.samples import training_part


@pytest.fixture(scope="module")
def trained(smoke_training):
    """Artifacts of `python -m training all`."""
    return smoke_training / "artifacts"


@pytest.fixture(scope="module")
def scorer(trained):
    return artifacts.load(trained).histogram.scorer


@pytest.fixture(scope="module")
def held_out(simulated_folder):
    return training_part(OfficialFolder(simulated_folder), "held-out").with_jets()


def make_scored(size, seed=0, separation=1.0):
    """Weighted events of two categories, which separate differently, with rounded scores: there are ties."""
    random = np.random.default_rng(seed)
    category, is_signal = random.integers(2, size=size), random.random(size) < 0.4
    score = (random.normal(size=size) + separation * (1 + category) * is_signal + category).round(1)
    return ScoredEvents(
        category, is_signal, random.exponential(1 + 2 * is_signal, size), score, score, np.zeros((size, 0))
    )


def write_ingestion(folder, mus, results):
    """What an ingestion leaves in its output folder."""
    folder.mkdir()
    settings = {"ground_truth_mus": mus, "systematics": dict.fromkeys(NUISANCE_NAMES, True)}
    (folder / "test_settings.json").write_text(json.dumps(settings))
    (folder / "ingestion_duration.json").write_text('{"ingestion_duration": 1.0}')
    for number, (mu_hats, p16, p84) in enumerate(results):
        content = {"mu_hats": mu_hats, "delta_mu_hats": p84 - p16, "p16": p16, "p84": p84}
        text = json.dumps({name: values.tolist() for name, values in content.items()})
        (folder / f"result_{number}.json").write_text(text)
    return folder


# Separation


def test_area_and_background_kept_against_all_pairs_and_cuts():
    events = make_scored(600)
    result = separation.separations(events, np.random.default_rng(1))
    assert list(result) == ["1-jet", "2-jet", "1- and 2-jet"]
    for name, part in events.by_category().items():
        signal, background = part.select(part.is_signal), part.select(~part.is_signal)
        higher = np.sign(signal.score[:, None] - background.score) / 2 + 0.5  # a tie counts half
        share = np.outer(signal.weights / signal.weights.sum(), background.weights / background.weights.sum())
        assert result[name]["auc"] == pytest.approx(np.sum(share * higher), abs=1e-12)
        cuts = [np.inf, *np.unique(part.score)[::-1]]
        kept = [
            [sample.weights[sample.score >= cut].sum() / sample.weights.sum() for cut in cuts]
            for sample in (signal, background)
        ]
        for efficiency, value in result[name]["background_kept"].items():
            assert value == pytest.approx(np.interp(float(efficiency), *kept), abs=1e-12)


def test_categories_together_are_weighted_by_their_yields():
    """The area of both is the mean over pairs of categories, weighted by S of one times B of the other."""
    events = make_scored(3000, seed=2)
    signal, background = (
        [events.select((events.category == k) & (events.is_signal == label)) for k in (0, 1)] for label in (True, False)
    )
    total = weight = 0.0
    for s in signal:
        for b in background:
            scores, weights = (np.r_[getattr(s, name), getattr(b, name)] for name in ("score", "weights"))
            share = s.weights.sum() * b.weights.sum()
            area = roc_auc_score(np.r_[s.is_signal, b.is_signal], scores, sample_weight=weights)
            total, weight = total + share * area, weight + share
    both = separation.separations(events, np.random.default_rng(3))["1- and 2-jet"]
    assert both["auc"] == pytest.approx(total / weight, abs=1e-12)


def test_without_gate_is_a_row_of_its_own():
    events = make_scored(2000)
    gated = dataclasses.replace(events, score=np.where(events.logit > 0.5, events.logit, -events.weights - 50))
    result = separation.separations(gated, np.random.default_rng(1))
    whole = separation.separation(events, np.random.default_rng(1), 1)
    assert list(result)[2:] == ["1- and 2-jet", "1- and 2-jet, without gate"]
    assert result["1- and 2-jet, without gate"]["auc"] == whole["auc"]
    assert result["1- and 2-jet"]["auc"] == pytest.approx(
        roc_auc_score(gated.is_signal, gated.score, sample_weight=gated.weights), abs=1e-12
    )


def test_errors_are_the_spread_of_independent_samples():
    random = np.random.default_rng(4)
    drawn = [separation.separation(make_scored(800, seed), random, 1) for seed in range(10, 210)]
    error = separation.separation(make_scored(800, seed=5), random)
    assert error["auc_error"] == pytest.approx(np.std([sample["auc"] for sample in drawn]), rel=0.25)
    kept = [sample["background_kept"]["0.3"] for sample in drawn]
    assert error["background_kept_error"]["0.3"] == pytest.approx(np.std(kept), rel=0.4)


def test_scores_are_those_of_the_submission(scorer, events, tmp_path):
    """Events of a data folder through `systematics` and the submission's scorer, and through the study."""
    source = OfficialFolder(write_folder(tmp_path / "data", events))
    result = scored_events.score_events(scorer, scored_events.read_sample(source, 2000), tes=1.02)
    frame = systematics(events.iloc[:2000], tes=1.02)
    which, scores = scorer(frame)
    for number in (0, 1):
        part = result.select(result.category == number)
        np.testing.assert_allclose(part.score, scores[which == number], rtol=1e-4, atol=1e-4)
        passed = part.score > -GATE_OFFSET
        assert 0.1 < np.mean(passed) < 1
        np.testing.assert_allclose(part.logit[passed], part.score[passed], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(part.weights, frame["weights"][which == number])
        np.testing.assert_array_equal(part.is_signal, frame["labels"][which == number] == 1)
        values = scorer.discriminators[number](frame[which == number])
        np.testing.assert_allclose(part.discrimination, values, atol=1e-4)


def test_agrees_with_events_drawn_in_proportion_to_their_weights(scorer, held_out):
    result = separation.separations(scored_events.score_events(scorer, held_out), np.random.default_rng(6))
    drawn = networks.separation(scorer, samples.draw_batches(held_out, 40_000, np.random.default_rng(7)))
    for name, expected in drawn.items():
        assert result[name]["auc"] == pytest.approx(expected["auc"], abs=0.012)  # the draws' error
        assert 0.7 < result[name]["auc"] < 1
        kept = result[name]["background_kept"]["0.5"]
        assert kept == pytest.approx(expected["background_kept"]["0.5"], abs=0.03)


def test_cut_is_fixed_at_nominal():
    nominal = make_scored(20_000, seed=8)
    moved = dataclasses.replace(nominal, score=nominal.score + 0.5 * ~nominal.is_signal)
    result = energy_scale.cut_shifts({0.97: moved, 1.0: nominal})["events"]
    for name, part in nominal.by_category().items():
        shifted, central = result[name]
        assert central["signal"] == shifted["signal"] == pytest.approx(0.3, abs=0.03)  # scores come in steps of 0.1
        signal = part.is_signal
        shares = {c: np.average(part.score[signal] > c, weights=part.weights[signal]) for c in np.unique(part.score)}
        cut = min(c for c, share in shares.items() if share <= 0.3)
        assert central["signal"] == pytest.approx(shares[cut])
        background, weights = part.score[~signal], part.weights[~signal]
        assert central["background"] == pytest.approx(np.average(background > cut, weights=weights))
        assert shifted["background"] == pytest.approx(np.average(background + 0.5 > cut, weights=weights))
        effective = weights.sum() ** 2 / np.sum(weights**2)
        binomial = np.sqrt(central["background"] * (1 - central["background"]) / effective)
        assert central["background_error"] == pytest.approx(binomial, rel=0.3)


def test_densities_are_normalised(scorer, held_out):
    events = scored_events.score_events(scorer, held_out)
    panels = energy_scale.densities({1.0: events}, [(0, 0.5)])
    assert [panel["category"] for panel in panels] == ["1-jet", "1-jet", "2-jet", "2-jet"]
    for panel in panels:
        for curve in panel["curves"]:
            assert np.diff(panel["edges"]) @ curve["density"] == pytest.approx(1)
            assert all((error > 0) == (value > 0) for value, error in zip(curve["density"], curve["error"]))


# Templates, belt, coverage


def test_cramer_rao_widths(trained):
    estimator, record = load(trained)
    result = expected_events.cramer_rao(estimator)
    for row, other in zip(result["all bins"], record["neyman"]["cramer_rao"]):
        assert {name: row[name] for name in other} == pytest.approx(other)
    for row, fewer in zip(*result.values()):
        for key in ("known", "tes_jes", "profiled"):
            assert row[key] < fewer[key]
        assert fewer["known"] < fewer["tes_jes"] < fewer["profiled"]
    # At the nominal point and without templates' errors it is a sum over bins.
    exact = dataclasses.replace(estimator.likelihood.config, template_error=False)
    likelihood = type(estimator.likelihood)(estimator.likelihood.templates, exact)
    nominal = estimator.likelihood.templates.nominal[:, :12]
    expected = nominal.sum(axis=0) + nominal[SIGNAL]  # mu = 2
    known = 2 / np.sqrt(np.sum(nominal[SIGNAL] ** 2 / expected))
    assert bounds.widths(bounds.limited(likelihood, np.arange(12), ()), [2.0])[0]["known"] == pytest.approx(known, 1e-3)


def test_yields_are_those_of_the_sample(trained):
    estimator, _ = load(trained)
    result = expected_events.yields(estimator)
    assert set(result["channels"]) == {"1-jet", "2-jet", "0-jet"}
    total = sum(channel["htautau"] for channel in result["channels"].values())
    assert total == pytest.approx(estimator.likelihood.templates.nominal[SIGNAL].sum())
    for name, channel in result["channels"].items():
        signal = np.array(result["bins"][name]["htautau"])
        background = sum(np.array(result["bins"][name][process]) for process in ("ztautau", "diboson", "ttbar"))
        # The bins are those of the first axis; the second one adds a little.
        coarse = np.sqrt(np.sum(signal**2 / background))
        assert 0.999 * coarse < channel["significance"] < 1.2 * coarse
        assert channel["best_ratio"] >= 0.999 * np.max(signal / background)


def test_event_level_results(trained, tmp_path):
    estimator, random = load(trained)[0], np.random.default_rng(12)
    mus, results = [2.0, 0.5, 1.0], []
    for mu in mus:
        mu_hats = mu + 0.2 * random.standard_normal(50)
        intervals = estimator.belt.intervals(mu_hats, np.full(50, 0.1))
        results.append((mu_hats, intervals.p16, intervals.p84))
    folder = write_ingestion(tmp_path / "scored", mus, results)
    likelihood = estimator.likelihood
    result = event_level(estimator, folder)
    assert [row["mu"] for row in result["table"]] == sorted(mus)
    widths = bounds.widths(likelihood, sorted(mus))
    for row, bound in zip(result["table"], widths):
        mu_hats, p16, p84 = results[mus.index(row["mu"])]
        assert row["coverage"] == np.mean((p16 <= row["mu"]) & (row["mu"] <= p84))
        assert row["width"] == pytest.approx(np.mean(p84 - p16))
        assert row["bias"] == pytest.approx(np.mean(mu_hats) - row["mu"])
        assert row["cramer_rao"] == bound["profiled"]
    mean = np.mean([p84 - p16 for _, p16, p84 in results])
    assert result["width"] == pytest.approx(mean)
    assert result["ratio"] == pytest.approx(mean / np.mean([bound["profiled"] for bound in widths]))
    assert likelihood.config.nuisance == PARAMETERS[1:]


def test_a_run_that_holds_nuisance_parameters_is_refused(tmp_path):
    folder = write_ingestion(tmp_path / "scored", [1.0], [np.ones((3, 5))])
    settings = json.loads((folder / "test_settings.json").read_text())
    for changed in ({"systematics": settings["systematics"] | {"soft_met": False}}, {"systematics": None}):
        (folder / "test_settings.json").write_text(json.dumps(settings | changed))
        with pytest.raises(ChallengeError, match=r"did not vary .*soft_met"):
            load_run(folder)


def test_a_run_of_other_weights_is_refused(trained, tmp_path):
    ours, theirs = load(trained)[0].belt, artifacts.load().belt
    mu_hats, errors = np.linspace(0.0, 2.9, 30), np.full(30, 0.1)
    (low, high), intervals = theirs.config.mu_range, theirs.intervals(mu_hats, errors)
    ends = np.array([intervals.p16, intervals.p84])
    ends[:, 7] = low, high  # as of data that the templates do not describe
    folder = write_ingestion(tmp_path / "scored", [1.0], [(np.clip(mu_hats, low, high), *ends)])
    assert len(load_run(folder, theirs).results) == 1
    assert len(load_run(folder).results) == 1
    with pytest.raises(ChallengeError, match=r"scored is no run of these weights .* --artifacts"):
        load_run(folder, ours)
    with_error = dataclasses.replace(ours, config=dataclasses.replace(ours.config, use_error=True))
    assert len(load_run(folder, with_error).results) == 1


def test_ratio_of_mean_widths_at_histogram_level(trained):
    estimator, record = load(trained)
    config = NeymanConfig(belt_throws=4000, check_mus=3, check_throws=200)
    thrown = belt_throws(estimator.likelihood, estimator.belt.config.mu_range, config)
    result = belts.coverage(estimator.likelihood, record, thrown, check_throws(estimator.likelihood, config), seed=1)
    mus = [row["mu"] for row in record["neyman"]["shipped_table"]]
    assert mus == pytest.approx([0.1, 1.55, 3.0])
    first, middle, last = (row["profiled"] for row in bounds.widths(estimator.likelihood, mus))
    belt = result["belts"]["shipped"]
    assert belt["width"] / belt["ratio"] == pytest.approx((first + 2 * middle + last) / 4)
    assert result["mean_cramer_rao"] == pytest.approx((first + 2 * middle + last) / 4)
    efficient = {name: row["efficient_width"] for name, row in result["belts"].items()}
    assert efficient["shipped"] < efficient["central"] < result["mean_cramer_rao"]
    assert belt["width_error"] > 1.2 * record["neyman"]["shipped_width"][1]
    assert belt["flatness"]["mean_error"] > 1.05 * np.sqrt(COVERAGE * (1 - COVERAGE) / 1200)


def test_estimates_that_are_all_too_high_tilt_the_coverage():
    """The shipped belt: at the lower end they leave the interval, at the upper one they do not."""
    estimator, _ = load(artifacts.FOLDER)
    thrown = check_throws(estimator.likelihood, NeymanConfig(check_throws=300))
    rows = {row["shift"]: row for row in belts.common_shifts(estimator, thrown)}
    assert rows[0.0]["mean"] == pytest.approx(0.6827, abs=4 * rows[0.0]["mean_error"])
    assert abs(rows[0.0]["slope"]) < 4 * rows[0.0]["slope_error"]
    assert rows[0.03]["slope"] > rows[0.0]["slope"] > rows[-0.03]["slope"]


@pytest.mark.parametrize(("ordering", "length"), [("central", 0.457), ("pratt", 0.446)])
def test_lengths_for_an_estimate_whose_error_is_known(ordering, length):
    """The paper's errors, against docs/mathematics.md#published-numbers, which has ± one error, cut, for central."""
    mu, ends, errors = np.linspace(0.1, 3, 51), np.array([0.1, 3.0]), np.array([0.23, 0.27])
    lengths = belts.mean_lengths(mu, ends, errors, BeltConfig(ordering, mu_range=(0.1, 3.0)))
    assert mean_over(mu, lengths) == pytest.approx(length, abs=0.004)


def test_far_from_the_ends_of_the_range_intervals_are_twice_the_error():
    config = BeltConfig("central", mu_range=(-5.0, 8.0))
    assert belts.mean_lengths(np.array([1.0]), np.array([-5.0, 8.0]), np.full(2, 0.2), config) == pytest.approx(
        0.4, rel=5e-3
    )


# Official events


def test_official_events(scorer, held_out, events, trained, tmp_path):
    folder = write_folder(tmp_path / "official", events)
    simulated = scored_events.score_events(scorer, held_out)
    trained_on = load(trained)[1]["data"]
    result = official_events.official(scorer, folder, 2500, trained_on, simulated, np.random.default_rng(13))
    frame = systematics(events.iloc[:2500])
    which, logits = scorer(frame)
    jets = which >= 0
    labels, weights = (frame[name].to_numpy()[jets] for name in ("labels", "weights"))
    assert result["unweighted"]["auc"] == pytest.approx(roc_auc_score(labels, logits[jets]), abs=1e-4)
    weighted = roc_auc_score(labels, logits[jets], sample_weight=weights)
    assert result["weighted"]["auc"] == pytest.approx(weighted, abs=1e-4)
    assert result["weighted"]["signal_events"] == np.sum(labels == 1)
    expected = separation.separation(simulated, np.random.default_rng(14), 1)["auc"]
    spread = result["simulated"]["auc_spread"]
    assert result["simulated"]["auc"] == pytest.approx(expected, abs=5 * spread / np.sqrt(official_events.SAMPLES))


def test_official_events_that_the_networks_know_are_left_out(scorer, held_out, events, tmp_path):
    folder = write_folder(tmp_path / "official", events)
    source, simulated = OfficialFolder(folder), scored_events.score_events(scorer, held_out)
    result = official_events.official(scorer, folder, 3000, source.fingerprint(), simulated, np.random.default_rng(15))
    which, _ = scorer(systematics(events.iloc[: source.test_rows]))
    sample = result["weighted"]
    assert sample["signal_events"] + sample["background_events"] == np.sum(which >= 0)


# From end to end


@pytest.mark.slow
def test_run_writes_all_results(trained, simulated_folder, data_folder, tmp_path, shown, monkeypatch):
    monkeypatch.setattr(command, "SHIFT_THROWS", 200)
    mu_hats = np.array([1.0, 1.2, 1.5])
    intervals = load(trained)[0].belt.intervals(mu_hats, np.full(3, 0.1))
    scored = write_ingestion(tmp_path / "scored", [1.0, 2.0], [(mu_hats, intervals.p16, intervals.p84)] * 2)
    output = tmp_path / "output"
    flags = ["--artifacts", str(trained), "--data", str(simulated_folder), "--output", str(output), "--workers", "1"]
    flags += ["--event-level", str(scored), "--official", str(data_folder), "--throws", "2000", "--docs", str(tmp_path)]
    parts = ("separation", "cut", "yields", "cramer-rao", "coverage", "moves", "events", "official")
    (tmp_path / "method.md").write_text("".join(f"<!-- {name} -->\n<!-- /{name} -->\n" for name in parts))
    assert __main__.main(["method", *flags]) == 0
    said = shown()
    for text in (r" 0\.899 ", r" 0\.375 +0\.409 +0\.437 +0\.461", "shipped belt, events", "official, weighted"):
        assert re.search(text, said), text
    assert "nan" not in said
    result = json.loads((output / "method.json").read_text())
    assert json.loads((tmp_path / "method" / "method.json").read_text()) == result
    assert result["shipped"] == artifacts.load_manifest(trained)["sha256"]
    expected = {
        "shipped",
        "data",
        "separation",
        "separation_in_training",
        "shifted",
        "densities",
        "yields",
        "cramer_rao",
        "belt",
        "coverage",
        "common_shifts",
    }
    assert set(result) == expected | {"event_level", "official"}
    assert set(result["belt"]["regions"]) == {"shipped (pratt)", "central"}
    assert len(result["densities"]) == 4
    for figure in ("densities", "histogram", "belt", "coverage"):
        assert 10_000 < (output / f"{figure}.png").stat().st_size < 150_000


def test_missing_artifacts_are_named(simulated_folder, tmp_path, capsys):
    flags = ["--artifacts", str(tmp_path), "--data", str(simulated_folder), "--output", str(tmp_path / "method")]
    assert __main__.main(["method", *flags]) == 2
    assert "manifest.json is missing" in capsys.readouterr().err


@pytest.mark.parametrize("reader", [load, load_estimator, load_manifest])
def test_missing_artifacts_are_an_error_of_the_command(reader, tmp_path):
    with pytest.raises(ChallengeError, match=r"manifest.json is missing; make them again"):
        reader(tmp_path)


def test_all_commands_read_artifacts_through_the_same_door():
    """But for the models of methods, which travel without it."""
    sources = [path for path in (PROJECT / "experiments").rglob("*.py") if path.name != "model.py"]
    direct = {path.name for path in sources if re.search(r"artifacts\.load(_manifest)?\(", path.read_text())}
    assert direct == {"trained_artifacts.py"}


@pytest.mark.parametrize(
    ("flag", "text"), [("--event-level", "test_settings.json is missing"), ("--official", "no parquet file")]
)
def test_a_folder_without_results_or_events_is_named(flag, text, trained, tmp_path, capsys):
    flags = ["--artifacts", str(trained), "--data", str(tmp_path), "--output", str(tmp_path / "method")]
    assert __main__.main(["method", *flags, flag, str(tmp_path)]) == 2
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(0.89912, 0.0123, "0.899 ± 0.012"), (0.00961, 0.00034, "0.00961 ± 0.00034"), (0.5, 0.0, "0.5000 ± 0.0000")],
)
def test_values_are_shown_with_two_digits_of_their_error(value, error, text):
    assert tables._with_error(value, error) == text
