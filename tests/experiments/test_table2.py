"""The comparison of methods: the same data sets for all, and statistical errors."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.methods import preparation
from experiments.methods.registry import METHODS
from experiments.table2 import command, figures
from experiments.table2.command import SEED, FirstOfRun
from experiments.table2.rows import PAPER, relative, row, sections, table
from ingestion_test.ingestion import RunSettings
from ingestion_test.pseudo_experiments import experiment_test_set
from ingestion_test.scoring import coverage_penalty
from ingestion_test.sources import OfficialFolder
from ingestion_test.submissions import PROJECT
from runtime.errors import ChallengeError
from submission import artifacts
from tests.submissions import good, predicting, write
from training.neyman import NeymanConfig


def _row(interval):
    numbers = dict.fromkeys(("score", "coverage", "rmse", "minutes"), (0.5, 0.01)) | {"interval": interval}
    return numbers | {"label": "a label", "cramer_rao": None, "num_sets": 2, "num_experiments": 100}


def test_mle_with_nu_is_compared_on_the_same_sets():
    rows = {"default": _row((0.4, 0.004)), "mle-nu": _row((1.1, 0.022))}
    assert sections({"methods": rows})["mle-nu"] == ""
    rows["mle-nu"]["relative"] = (2.75, 0.061)
    text = sections({"methods": rows})["mle-nu"]
    assert "its mean interval is 2.750 ± 0.061 times that of `default`" in text
    assert "In the paper it is 2.28 times that of the CNF, at 0.701 and 0.672." in text
    assert sections({"methods": {"default": rows["default"]}})["mle-nu"] == ""


# The same data for all -----------------------------------------------------------------------------------------------


def test_the_first_of_a_run_are_those_of_the_whole_run():
    whole = {(item.set_index, item.index): item for item in RunSettings(4, 10, seed=SEED).plan()}
    part = FirstOfRun(num_sets=3, num_experiments=2, seed=SEED, whole=10)
    assert {(item.set_index, item.index): (item.mu, item.seed) for item in part.plan()} == {
        (i, j): (whole[i, j].mu, whole[i, j].seed) for i in range(3) for j in range(2)
    }
    assert part.official()["ground_truth_mus"] == [whole[i, 0].mu for i in range(3)]


@pytest.fixture(scope="module")
def compared(simulated_folder, tmp_path_factory):
    """Output folder of a comparison of two methods, and the flags that made it."""
    output = tmp_path_factory.mktemp("table2")
    flags = ["table2", "--preset", "smoke", "--data", str(simulated_folder), "--output", str(output), "--workers", "1"]
    assert main([*flags, "--methods", "default,no-flows,baseline", "--experiments", "2"]) == 0
    return output, flags


def _journal(output, name):
    lines = [json.loads(line) for line in (output / name / "pseudo_experiments.jsonl").read_text().splitlines()]
    return {(line["set_index"], line["index"]): line for line in lines[1:]}


@pytest.mark.slow
def test_two_methods_get_identical_data_sets(compared):
    output, _ = compared
    default, baseline = _journal(output, "default"), _journal(output, "baseline")
    assert len(default) == 4
    assert {key: (line["mu"], line["seed"]) for key, line in default.items()} == {
        key: (line["mu"], line["seed"]) for key, line in baseline.items()
    }
    assert {key: line["mu_hat"] for key, line in default.items()} != {
        key: line["mu_hat"] for key, line in baseline.items()
    }


@pytest.mark.slow
def test_methods_share_what_they_have_in_common(compared):
    output, _ = compared
    for stage, same in (("classifier", True), ("templates", True), ("neyman", False)):
        first, second = (
            (output / name / "training" / f"{stage}.npz").read_bytes() for name in ("no-flows", "baseline")
        )
        assert (first == second) is same, stage


@pytest.mark.slow
def test_artifacts_that_were_trained_elsewhere_stand_for_a_training(compared, tmp_path):
    output, flags = compared
    made = output / "no-flows" / "submission" / "submission" / "artifacts"
    flags = [*flags[:5], "--output", str(tmp_path), "--workers", "1", "--experiments", "2", "--trained", str(made)]
    assert main([*flags, "--methods", "no-flows,baseline"]) == 0
    for name in ("no-flows", "baseline"):
        assert not (tmp_path / name / "training").exists()
        assert _predictions(tmp_path, name) == _predictions(output, name)


def _predictions(output, name):
    return {key: (line["mu_hat"], line["p16"]) for key, line in _journal(output, name).items()}


@pytest.mark.slow
def test_a_method_predicts_from_its_own_artifacts(compared, simulated_folder):
    """What the ingestion's processes predicted is what the staged artifacts give here."""
    output, _ = compared
    settings = FirstOfRun(num_sets=2, num_experiments=2, seed=SEED, whole=3)
    experiment = settings.plan()[0]
    test_set = experiment_test_set(OfficialFolder(simulated_folder).test_events(), experiment, settings.systematics)
    for name in ("default", "baseline"):
        estimator = artifacts.load(output / name / "submission" / "submission" / "artifacts")
        estimate = estimator.estimate(test_set["data"], test_set["weights"])
        predicted = _journal(output, name)[experiment.set_index, 0]
        assert predicted["mu_hat"] == pytest.approx(estimate.mu_hat, abs=1e-3)
        assert predicted["p84"] == pytest.approx(estimate.p84, abs=1e-3)


@pytest.mark.slow
def test_a_comparison_is_continued_only_on_demand_and_never_with_other_settings(compared, shown, capsys):
    output, flags = compared
    assert main([*flags, "--methods", "default"]) == 2
    assert "add --resume" in capsys.readouterr().err
    assert main([*flags, "--methods", "default", "--resume", "--experiments", "5"]) == 2
    assert "choose another --output" in capsys.readouterr().err
    before = (output / "table2.json").read_bytes()
    assert main([*flags, "--methods", "baseline", "--resume", "--experiments", "2"]) == 0
    text = shown()
    assert (output / "table2.json").read_bytes() == before
    assert all(name in text for name in ("default", "baseline", *PAPER))
    page = (output / "results.md").read_text()
    assert all(METHODS[name].label in page for name in ("default", "baseline"))
    assert (output / "table2-intervals.png").stat().st_size > 5000
    assert (output / "table2-coverage.png").stat().st_size > 5000


def _change_configuration(monkeypatch, name):
    changed = dataclasses.replace(METHODS[name].config("full"), neyman=NeymanConfig(seed=77))
    monkeypatch.setitem(preparation.METHODS, name, dataclasses.replace(METHODS[name], config=lambda _: changed))


@pytest.mark.slow
def test_a_row_of_another_configuration_leaves_the_table(compared, monkeypatch, shown):
    output, _ = compared
    about = json.loads((output / command.SETTINGS_FILE).read_text())
    with monkeypatch.context() as patch:
        _change_configuration(patch, "no-flows")
        assert list(command.write_table(output, about)) == ["default", "baseline"]
        assert "no-flows: the row is of other code or another configuration" in shown()
    kept = (output / "baseline" / "row.json").read_text()
    (output / "baseline" / "row.json").write_text('{"label": "old"}')
    assert list(command.write_table(output, about)) == ["default", "no-flows"]
    assert "baseline: the row is made by an earlier version" in shown()
    (output / "baseline" / "row.json").write_text(kept)
    rows = command.write_table(output, about)
    assert list(rows) == ["default", "no-flows", "baseline"]
    lengths = {}
    for name in rows:
        results = [json.loads((output / name / f"result_{number}.json").read_text()) for number in range(2)]
        lengths[name] = np.array([np.subtract(result["p84"], result["p16"]) for result in results])
    ratio = lengths["no-flows"].mean() / lengths["default"].mean()
    assert rows["no-flows"]["relative"][0] == pytest.approx(ratio)
    assert "relative" not in rows["default"]


def test_tables_that_a_fit_has_made_are_no_row_of_the_method(tmp_path):
    (tmp_path / "fit.json").write_text(json.dumps({"summary": {"Tables": "as shipped: there is no time"}}))
    command._require_own_tables(tmp_path)
    (tmp_path / "fit.json").write_text(json.dumps({"summary": {"Tables": "made from 1,000,000 events"}}))
    with pytest.raises(ChallengeError, match="no row of the method"):
        command._require_own_tables(tmp_path)


def test_a_method_of_other_code_is_not_continued_and_the_others_are(tmp_path, monkeypatch, simulated_folder, capsys):
    for name in ("submission", "experiments"):
        shutil.copytree(PROJECT / name, tmp_path / "project" / name)
    shutil.copy2(PROJECT / "model.py", tmp_path / "project")
    monkeypatch.setattr(preparation, "PROJECT", tmp_path / "project")
    checksums = {name: preparation.code_checksum(name, "full") for name in METHODS}
    changes = {
        "experiments/outputs.py": set(),  # travels in no submission
        "submission/artifacts/estimator.npz": {"default"},
        "experiments/methods/boosted/trees.py": {"boosted"},
        "experiments/methods/mle_nu/training.py": {"mle-nu"},
        "model.py": {"default", "no-flows", "log-ratio", "paper", "baseline"},
        "submission/score.py": set(METHODS),
    }
    for changed, methods in changes.items():
        with open(tmp_path / "project" / changed, "ab") as file:
            file.write(b"#")
        before, checksums = checksums, {name: preparation.code_checksum(name, "full") for name in METHODS}
        assert {name for name in METHODS if checksums[name] != before[name]} == methods, changed
    _change_configuration(monkeypatch, "paper")
    before, checksums = checksums, {name: preparation.code_checksum(name, "full") for name in METHODS}
    assert {name for name in METHODS if checksums[name] != before[name]} == {"paper"}
    flags = ["--preset", "smoke", "--data", str(simulated_folder), "--output", str(tmp_path / "out")]
    monkeypatch.setattr(command, "run_method", lambda *_, **__: None)
    monkeypatch.setattr(command, "write_table", lambda *_: {})
    monkeypatch.setattr(command, "publish", lambda *_: None)
    assert main(["table2", *flags, "--methods", "template-fit,boosted"]) == 0
    with open(tmp_path / "project" / "experiments/methods/boosted/trees.py", "a") as file:
        file.write("#")
    assert main(["table2", *flags, "--methods", "template-fit", "--resume"]) == 0
    capsys.readouterr()
    assert main(["table2", *flags, "--methods", "boosted", "--resume"]) == 2
    assert "boosted holds other results (code differ)" in capsys.readouterr().err


@pytest.mark.slow
def test_a_submission_of_ones_own_is_a_row_beside_the_others(simulated_folder, tmp_path, capsys):
    folder = write(tmp_path / "mine", predicting(good()))
    flags = ["table2", "--preset", "smoke", "--data", str(simulated_folder), "--output", str(tmp_path / "out")]
    flags += ["--experiments", "1", "--workers", "1"]
    assert main([*flags, "--submission", f"mine={folder}"]) == 0
    assert main([*flags, "--methods", "template-fit", "--resume"]) == 0
    capsys.readouterr()
    assert main([*flags, "--methods", "template-fit", "--resume", "--sets", "1"]) == 2
    error = capsys.readouterr().err
    assert "holds a run with another sets" in error
    assert "this goes on" not in error, "it does not"
    rows = json.loads((tmp_path / "out" / "table2.json").read_text())["methods"]
    assert list(rows) == ["template-fit", "mine"]
    assert rows["mine"]["interval"][0] == pytest.approx(1.0)
    assert f"mine: {folder}" in (tmp_path / "out" / "results.md").read_text()
    keys = [{key: line["seed"] for key, line in _journal(tmp_path / "out", name).items()} for name in rows]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("text", ["mine", "=x", "default=x", "a/b=x", "mine="])
def test_what_names_no_submission(text, capsys):
    with pytest.raises(SystemExit):
        main(["table2", "--submission", text])
    assert "is not NAME=DIR" in capsys.readouterr().err


def test_a_submission_that_is_not_there_is_named_before_anything_is_run(simulated_folder, tmp_path, capsys):
    assert main(["table2", "--data", str(simulated_folder), "--submission", f"mine={tmp_path / 'nowhere'}"]) == 2
    assert "no such submission" in capsys.readouterr().err


def test_what_is_wrong_is_said_before_anything_is_run(simulated_folder, tmp_path, capsys):
    flags = ["table2", "--data", str(simulated_folder), "--output", str(tmp_path / "out")]
    assert main([*flags, "--trained", str(tmp_path)]) == 2
    assert "--trained takes their folder" in capsys.readouterr().err
    twice = [f"--submission=mine={tmp_path}"] * 2
    assert main([*flags, *twice]) == 2
    assert "twice with the same NAME" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_method_without_a_length_is_named_in_the_figure(results, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, _: drawn.append(figure))
    points = {"p16": [1.0] * 200, "p84": [1.0] * 200, "mu_hats": [1.0] * 200, "delta_mu_hats": [0.0] * 200}
    figures.intervals(tmp_path, {"ours": row(*results), "points": row(results[0], [points] * 3)})
    labels = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert labels == ["ours", "points (length 0 in 3 sets)"]


def test_unknown_methods_are_named(capsys):
    with pytest.raises(SystemExit):
        main(["table2", "--methods", "default,magic"])
    assert "no method magic" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["table2", "--methods", "default,"])
    assert "no method of no name" in capsys.readouterr().err


# Statistical errors --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results():
    """Three sets of unequal quality: true mu, and results as in result_{i}.json."""
    random, mus, sets = np.random.default_rng(3), [0.5, 1.0, 2.0], []
    for mu, spread in zip(mus, (0.2, 0.3, 0.4)):
        mu_hat, half = mu + spread * random.normal(size=200), spread * random.uniform(0.8, 1.2, 200)
        content = {"mu_hats": mu_hat, "delta_mu_hats": half, "p16": mu_hat - half, "p84": mu_hat + half}
        sets.append({key: values.tolist() for key, values in content.items()})
    return mus, sets


def test_errors_against_independent_computations(results):
    """Interval and RMSE are means of independent numbers; the score follows from the interval where f = 1."""
    mus, sets = results
    table_row = row(mus, sets, seconds=[0.1, 0.2, 0.3])
    arrays = [{key: np.array(values) for key, values in result.items()} for result in sets]
    widths = [columns["p84"] - columns["p16"] for columns in arrays]
    squares = [(columns["mu_hats"] - mu) ** 2 for mu, columns in zip(mus, arrays)]
    terms = [np.sqrt(s + (s - columns["delta_mu_hats"] ** 2) ** 2) for s, columns in zip(squares, arrays)]
    for name, parts in (("interval", widths), ("rmse", terms)):
        value, error = table_row[name]
        assert value == pytest.approx(np.mean(parts))
        assert error == pytest.approx(np.sqrt(sum(part.var() / len(part) for part in parts)) / 3, rel=0.1)
    covered = np.concatenate([(columns["p16"] <= mu) & (mu <= columns["p84"]) for mu, columns in zip(mus, arrays)])
    assert table_row["coverage"] == pytest.approx(
        (covered.mean(), np.sqrt(covered.mean() * (1 - covered.mean()) / 600))
    )
    assert coverage_penalty(covered.mean(), 600) == 1
    interval, error = table_row["interval"]
    assert table_row["score"][0] == pytest.approx(-np.log(interval + 1e-3))
    assert table_row["rms"][0] == pytest.approx(np.sqrt(np.mean(squares)))
    assert table_row["minutes"] == pytest.approx((0.2 * 1000 / 60, np.std([1, 2, 3]) / np.sqrt(3) * 100 / 60))
    subset = table_row["sets"][1]
    assert subset["interval"] == pytest.approx((widths[1].mean(), widths[1].std() / np.sqrt(200)), rel=0.1)


def test_the_belts_errors_are_added(results):
    plain, other = row(*results), row(*results, belt_error={"interval": 0.05, "coverage": 0.04})
    assert other["interval"][1] == pytest.approx(np.hypot(plain["interval"][1], 0.05 * plain["interval"][0]))
    assert other["coverage"][1] == pytest.approx(np.hypot(plain["coverage"][1], 0.04))
    assert other["sets"] == plain["sets"]


def test_what_data_sets_have_in_common_cancels_in_relative_intervals(results):
    """Lengths with a common factor for each data set, and noise of 10% in one of the two methods."""
    random = np.random.default_rng(5)
    ours, noise = random.uniform(0.5, 1.5, (3, 200)), random.normal(size=(3, 200))
    certain, known_badly = row(*results), row(*results, belt_error={"interval": 0.05, "coverage": 0.04})
    value, error = relative(certain, certain, 2 * ours, ours)
    assert (value, error) == (pytest.approx(2), pytest.approx(0, abs=1e-12))
    assert relative(known_badly, certain, 2 * ours, ours)[1] == pytest.approx(0.1)
    value, error = relative(certain, certain, ours + 0.1 * noise, ours)
    assert value == pytest.approx(1, abs=4 * error)
    assert error == pytest.approx(0.1 / np.sqrt(600), rel=0.1)


def test_the_table_shows_value_and_error(results):
    text = table({"mine": row(*results, seconds=[0.6]) | {"label": "a folder", "score": (0.5, 0.125)}}).text()
    assert "mine: a folder" in text
    assert "0.500 ± 0.125" in text
    assert "3 × 200" in text
    assert "10.00 ± 0.00" in text
    untimed = table({"mine": row(*results) | {"label": "a folder"}})
    assert untimed.rows[0][untimed.head.index("CPU minutes")] == ""
