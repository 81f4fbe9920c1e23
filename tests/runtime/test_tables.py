"""Tables as text and as Markdown."""

import pytest

from runtime.tables import Table


def test_numbers_stand_to_the_right_and_words_to_the_left():
    table = Table(("μ̂", "what", "n"), [("0.5 ± 0.1", "all", "12"), ("-10 ± 2", "none", "3,000")], "Two")
    assert table.text().splitlines() == [
        "Two",
        "",
        "        μ̂  what      n",
        "0.5 ± 0.1  all      12",
        "  -10 ± 2  none  3,000",
    ]
    assert table.markdown() == "**Two**\n\n| μ̂ | what | n |\n| --- | --- | --- |\n" + (
        "| 0.5 ± 0.1 | all | 12 |\n| -10 ± 2 | none | 3,000 |\n"
    )


@pytest.mark.parametrize("cell", ["", "nan", "-inf", "1e+49", "12%", "1.0 (0.9 to 1.1)", "0.2 / 0.5", "10 × 500"])
def test_what_counts_as_numbers(cell):
    assert Table(("a", "long head"), [("row", cell)]).text().splitlines()[1] == f"row  {cell:>9}".rstrip()


@pytest.mark.parametrize("cell", ["3 jets", "none", "e", "2026a"])
def test_what_does_not(cell):
    assert Table(("a", "long head"), [("row", cell)]).text().splitlines()[1] == f"row  {cell}"


def test_what_is_too_wide_follows_below():
    table = Table(("name", *(f"column {number}" for number in range(9))), [("row", *("x" * 15 for _ in range(9)))])
    lines = table.text(40).splitlines()
    assert max(map(len, lines)) <= 40
    assert sum(line.startswith("row ") for line in lines) == 5
    assert sum(line.count("x" * 15) for line in lines) == 9


def test_a_long_cell_is_wrapped():
    lines = Table(("name", "text"), [("row", "word " * 20)]).text(40).splitlines()
    assert max(map(len, lines)) <= 40
    assert sum(line.count("word") for line in lines) == 20


def test_a_table_without_rows_is_its_head():
    assert Table(("name", "n"), []).text() == "name  n"
