"""Calls that take turns, and their ratios."""

import numpy as np

from benchmarks.timing import ratios, side_by_side


def test_calls_take_turns_and_the_first_turn_does_not_count():
    order = []
    calls = {name: (lambda number, name=name: order.append((name, number)) or number, 2) for name in "ab"}
    _, results = side_by_side(calls, 3)
    assert order == [("a", 0), ("b", 0), *((name, number) for number in range(3) for name in "ab")]
    assert results == {"a": [0, 1, 2], "b": [0, 1, 2]}
    table_of_ratios = ratios({"a": np.array([1.0, 2.0]), "b": np.array([1.0, 1.0])}, "a")
    assert table_of_ratios.rows == [("a", "1500.000", "1.00 (1.00 to 1.00)"), ("b", "1000.000", "0.75 (0.50 to 1.00)")]
