"""The sentences that are made of the files in docs/."""

from experiments import answer


def _row(interval, coverage):
    numbers = {"score": (1.0, 0.1), "interval": (interval, 0.003), "coverage": (coverage, 0.015)}
    sets = [{"interval": (interval + step * interval**2, 0.003)} for step in (-0.2, 0.0, 0.2)]
    return numbers | {"label": "a label", "num_sets": 10, "num_experiments": 100, "sets": sets}


def test_only_methods_whose_coverage_is_right_are_listed_the_shortest_first():
    methods = {"default": _row(0.4, 0.68), "no-flows": _row(0.3, 0.69), "baseline": _row(0.1, 0.6)}
    text = answer.answer({"table2": {"methods": methods, "shipped": "here"}}, "here")
    assert "of 3 methods" in text
    assert "`no-flows` 0.300 ± 0.003, `default` 0.400 ± 0.003." in text
    assert "1.333 ± 0.027 of that without" in text
    assert "Which weights" not in text


def test_results_of_other_weights_are_named():
    text = answer.answer({"table2": {"methods": {"default": _row(0.4, 0.68)}}}, "here")
    assert "other weights than those that ship, and other results: methods." in text
    assert "with flow features" not in text


def test_large_shifts_are_averaged():
    errors = {"coverage_error": 0.02, "bias_of_samples": 0.3}
    rows = [errors | {"label": "none", "coverage": 0.7, "bias": 0.0}]
    shifts = (-5, -3, 1, 3, 5)
    rows += [errors | {"label": f"tes {n:+d} sd", "coverage": 0.1 * abs(n), "bias": 0.5 * n} for n in shifts]
    text = answer.answer({"robustness": {"methods": {"default": rows, "no-flows": rows[:3]}, "shipped": 1}}, 1)
    assert "on average 0.400 ± 0.010 and the size of the bias 2.00 ± 0.30" in text
    assert ", without flow features 0.400 ± 0.014 and 2.00 ± 0.30" in text
    assert "without flow" not in answer.answer({"robustness": {"methods": {"default": rows}, "shipped": 1}}, 1)


def test_what_events_are_worth_is_read_from_the_learning_curve():
    def training(rows, length, flows=0):
        single = [[9.0, length - 0.01, 9.0, 9.0], [9.0, length + 0.01, 9.0, 9.0]]
        return {"rows": rows, "flows": flows, "members": 2, "single": single}

    rows = [training(1000, 0.5), training(100, 0.6), training(100, 7.0, flows=2)]
    text = answer._events({"trainings": rows})
    assert "on a tenth of the events allow intervals 1.200 ± 0.031 times as long at μ = 1" in text
    assert answer._events({"trainings": rows[:1]}) == ""
    assert answer._events({}) == ""
