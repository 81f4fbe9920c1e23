"""Types of the command lines' arguments."""

import argparse

import pytest

from runtime.arguments import add_workers_arguments, count, minutes, processes, seed
from runtime.machine import cores
from runtime.processes import MAX_PROCESSES


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (count, "1", 1),
        (count, " 12 ", 12),
        (seed, "0", 0),
        (seed, "4294967295", 2**32 - 1),
        (processes, "1024", 1024),
        (minutes, "0.5", 0.5),
    ],
)
def test_values(kind, text, value):
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (count, "0", "0 is less than 1"),
        (count, "1.5", "'1.5' is not a whole number"),
        (count, "", "'' is not a whole number"),
        (seed, "-1", "-1 is not between 0 and 4294967295"),
        (seed, "4294967296", "4294967296 is not between 0 and 4294967295"),
        (processes, "1025", f"1025 is more than {MAX_PROCESSES} processes"),
        (processes, "0", "0 is less than 1"),
        (minutes, "-1", "-1 is not between 0 and 10080"),
        (minutes, "nan", "nan is not between 0 and 10080"),
        (minutes, "soon", "'soon' is not a number"),
    ],
)
def test_what_is_refused(kind, text, message):
    with pytest.raises(argparse.ArgumentTypeError) as error:
        kind(text)
    assert str(error.value) == message


def _workers(*flags):
    parser = argparse.ArgumentParser()
    add_workers_arguments(parser)
    return parser.parse_args(flags).workers


def test_who_does_the_work():
    assert _workers() == cores()
    assert _workers("--workers", "3") == 3
    assert _workers("--scheduler", "tcp://host:8786") == "tcp://host:8786"


def test_not_both(capsys):
    with pytest.raises(SystemExit):
        _workers("--scheduler", "tcp://host:8786", "--workers", str(cores()))
    assert "not allowed with argument" in capsys.readouterr().err
