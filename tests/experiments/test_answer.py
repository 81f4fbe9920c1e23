"""The sentences that are made of the files in docs/."""

# ruff: noqa: RUF001 (sigma is meant)

import copy
from pathlib import Path

import pytest

from experiments import answer
from experiments.__main__ import main
from runtime import files
from runtime.errors import ChallengeError
from submission import artifacts

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def shipped():
    return artifacts.load_manifest()["sha256"]


@pytest.fixture
def results():
    """What the files in docs/ say, to be changed."""
    return copy.deepcopy(answer.read(DOCS))


def _row(interval, coverage):
    numbers = {"score": (1.0, 0.1), "interval": (interval, 0.003), "coverage": (coverage, 0.015)}
    belt = {"belt_error": {"interval": 0.0, "coverage": 0.0}, "relative": (interval / 0.4, 0.02)}
    return numbers | belt | {"label": "a label", "num_sets": 10, "num_experiments": 100}


def test_only_methods_whose_coverage_is_right_are_listed_the_shortest_first():
    methods = {"default": _row(0.4, 0.68), "no-flows": _row(0.3, 0.69), "baseline": _row(0.1, 0.6)}
    text = answer.answer({"table2": {"methods": methods, "shipped": "here"}}, "here")
    assert "of 3 methods" in text
    assert "`no-flows` 0.300 ± 0.003, `default` 0.400 ± 0.003." in text
    assert "the mean interval is 1.333 ± 0.036 of that without." in text
    assert "Which weights" not in text
    methods["baseline"]["belt_error"] = {"interval": 0.2, "coverage": 0.1}
    assert "`baseline` 0.100" in answer.answer({"table2": {"methods": methods, "shipped": "here"}}, "here")
    del methods["no-flows"]["relative"]  # it has had other data sets
    text = answer.answer({"table2": {"methods": methods, "shipped": "here"}}, "here")
    assert "of 2 methods" in text
    assert "no-flows" not in text
    assert "of that without" not in text


def test_flows_are_compared_beside_what_chance_does_to_trainings():
    def training(flows, length):
        single = [[9.0, length - 0.01, 9.0, 9.0], [9.0, length + 0.01, 9.0, 9.0]]
        return {"rows": 1000, "flows": flows, "members": 2, "single": single}

    results = {"table2": {"methods": {"default": _row(0.4, 0.68), "no-flows": _row(0.4, 0.69)}}}
    results["trainings"] = {"trainings": [training(2, 0.5), training(0, 0.5), training(0, 5.0)]}
    assert answer._with_flows(results) == "1.000 ± 0.020 of that without; two trainings differ by 0.028 of it by chance"


def test_results_of_other_weights_are_named(results, shipped):
    assert "Which weights" not in answer.answer(results, shipped)
    results["table2"]["shipped"] = results["adaptation"]["artifacts"] = "other"
    del results["method"]["shipped"]
    text = answer.answer(results, shipped)
    assert "and other results: methods, the method, a classifier that goes on learning." in text
    assert "with flow features" not in text
    assert "What limits" not in text


def test_runs_in_another_world_are_shown_only_of_the_shipped_weights(results, shipped):
    assert "other events" in answer.reached(results, shipped)["reached"]
    results["worlds"]["artifacts"] = "other"
    assert "other events" not in answer.reached(results, shipped)["reached"]


def test_of_large_shifts_the_worst_are_shown():
    def row(label, coverage, bias):
        return {"label": label, "coverage": coverage, "coverage_error": 0.02, "bias": bias, "bias_error": 0.03}

    rows = [row("none", 0.7, 0.5), row("tes -1 sd", 0.1, 9.0), row("world plain", 0.1, 9.0), row("tes -3 sd", 0.6, 0.6)]
    rows += [row("jes +3 sd", 0.5, 0.9), row("jes +5 sd", 0.7, -0.8)]
    text = answer.answer({"robustness": {"methods": {"default": rows, "no-flows": rows[:4]}, "shipped": 1}}, 1)
    assert (
        "lowest coverage is 0.500 ± 0.020 (jes +3 sd) and the largest change of the bias -1.30 ± 0.04 σ (jes +5" in text
    )
    assert "; without flow features 0.600 ± 0.020 (tes -3 sd) and the largest change of the bias +0.10 ± 0.04 σ" in text
    assert "without flow" not in answer.answer({"robustness": {"methods": {"default": rows}, "shipped": 1}}, 1)


def test_intervals_are_compared_with_those_of_an_efficient_estimate(results, shipped):
    belt = results["method"]["coverage"]["belts"]["shipped"]
    belt |= {"width": 0.5, "width_error": 0.01, "efficient_width": 0.4}
    assert "they are 1.250 ± 0.025 times as long as" in answer.answer(results, shipped)
    checked = " ".join(answer.reached(results, shipped)["checked"].split())
    assert "which is 1.250 ± 0.025 times what the same belt" in checked


def test_a_single_mu_has_no_slope(results, shipped):
    results["method"]["coverage"]["belts"]["shipped"]["flatness"]["slope"] = None
    assert "its slope in μ unknown at a single μ" in answer.answer(results, shipped)
    assert "its slope per unit of μ is unknown at a single μ" in " ".join(
        answer.reached(results, shipped)["checked"].split()
    )


def test_the_slope_with_events_is_that_of_the_more_precise_run(results, shipped):
    final, short = results["final"], results["method"]["event_level"]["flatness"]
    final["events"]["flatness"] |= {"slope": 0.031, "slope_error": 0.004, "p": 0.02}
    final["common_move"] |= {"move": 0.0421, "error": 0.002}
    final["common_move"]["flatness"] |= {"slope": 0.029, "slope_error": 0.001}
    short |= {"slope": 0.011, "slope_error": 0.02}

    def checked():
        return " ".join(answer.reached(results, shipped)["checked"].split())

    assert "With events the slope is +0.031 ± 0.004 (p = 0.02 for 0.6827 at all 10 μ): all their" in checked()
    assert "are shifted by +0.042 ± 0.002 in μ" in checked()
    assert "have a slope of +0.029 ± 0.001." in checked()
    assert "With events the slope is +0.031 ± 0.004" in answer.answer(results, shipped)
    short["slope_error"] = 0.001
    assert "With events the slope is +0.011 ± 0.001" in checked()
    assert "shifted" not in checked()
    del results["final"]
    short["slope"] = None
    assert "With events the slope is unknown at a single μ" in checked()


def test_how_much_the_mean_interval_depends_on_the_mu_drawn(results, shipped):
    for phase, interval in zip(results["final"]["repeated"], 10 * [0.3, 0.5]):
        phase["interval"] = interval
    text = "for 20 draws of 10 μ, with throws from the templates, it is 0.400 with a standard deviation of 0.100."
    assert text in answer.answer(results, shipped)
    assert text in " ".join(answer.reached(results, shipped)["reached"].split())
    results["final"]["shipped"] = "other"
    assert "draws of 10 μ" not in answer.answer(results, shipped) + answer.reached(results, shipped)["reached"]


def test_the_largest_shift_by_official_yields_is_shown(results, shipped):
    shifts = {"all cells": [[0.02, 0.01], [-0.13, 0.03], [0.05, 0.04]]}
    results["official_shift"] = {"shipped": shipped, "shifts": shifts}
    assert "move the estimate by -0.13 ± 0.03 of its" in " ".join(answer.reached(results, shipped)["checked"].split())
    results["official_shift"]["shipped"] = {}
    assert "official events do?" not in answer.reached(results, shipped)["checked"]


def _with_events(results):
    del results["method"]["event_level"]


def _own_weights(results):
    results["method"]["shipped"] = {}


def _method(results):
    del results["method"]


def _default(results):
    del results["table2"]["methods"]["default"]


@pytest.mark.parametrize(
    ("remove", "text"),
    [
        (_method, "docs/method/method.json is not there: run `python -m experiments method --event-level DIR"),
        (_with_events, "docs/method/method.json has no pseudo-experiments of events: run"),
        (_own_weights, "docs/method/method.json is not of the weights that ship: run"),
        (_default, "docs/results/table2.json has no row default: run `python -m experiments table2 --methods default"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_makes_it(remove, text, results, shipped):
    remove(results)
    with pytest.raises(ChallengeError, match=text):
        (answer.answer(results, shipped), answer.reached(results, shipped))


def test_an_incomplete_folder_changes_no_page(tmp_path, capsys):
    (tmp_path / "docs" / "results").mkdir(parents=True)
    page = tmp_path / "docs" / "results.md"
    page.write_text("<!-- answer -->\n<!-- /answer -->\n")
    robustness = files.read_json(DOCS / answer.FILES["robustness"])
    files.write_json(tmp_path / "docs" / answer.FILES["robustness"], robustness)
    assert main(["answer", "--docs", str(tmp_path / "docs")]) == 2
    assert "method.json is not there" in capsys.readouterr().err
    assert page.read_text() == "<!-- answer -->\n<!-- /answer -->\n"


def test_what_events_are_worth_is_read_from_the_learning_curve():
    def training(rows, length, flows=0):
        single = [[9.0, length - 0.01, 9.0, 9.0], [9.0, length + 0.01, 9.0, 9.0]]
        return {"rows": rows, "flows": flows, "members": 2, "single": single}

    rows = [training(1000, 0.5), training(100, 0.6), training(100, 7.0, flows=2)]
    text = answer._events({"trainings": rows})
    assert "on a tenth of the events allow intervals 1.200 ± 0.031 times as long at μ = 1" in text
    assert answer._events({"trainings": rows[:1]}) == ""
    assert answer._events({}) == ""
