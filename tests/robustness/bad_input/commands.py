"""Door of the command lines of all mains."""

import functools
import os

from hypothesis import strategies as st

from experiments.__main__ import main as experiments
from ingestion_test import run_ingestion, run_scoring
from ingestion_test.cli import main as ingestion_test
from submission.__main__ import main as submission
from tests.robustness.bad_input.events import write_events
from tests.robustness.bad_input.sandbox import Door
from training.__main__ import main as training

_MAINS = {
    "ingestion_test": ingestion_test,
    "run_ingestion": run_ingestion.main,
    "run_scoring": run_scoring.main,
    "submission": submission,
    "training": training,
    "experiments": experiments,
}

#: For each command flags that stand at the end, where they count: without them a good command line would run for long.
#: A name in capitals stands for a place: see `_places`.
_COMMANDS = {
    ("ingestion_test", "score"): (
        ["--data", "EMPTY"],
        ["--data", "EVENTS", "--submission", "EMPTY", "--output", "OUT"],
    ),
    ("ingestion_test", "simulate"): (
        ["--output", "FILE"],
        ["--size", "10"],
        ["--output", "OUT", "--size", "9999999999"],
    ),
    ("run_ingestion",): (
        ["--num-of-sets", "1", "--submission", "EMPTY", "--output", "OUT", "--input", "EMPTY"],
        ["--num-pseudo-experiments", "1", "--num-of-sets", "1", "--submission", "EMPTY", "--output", "OUT"],
    ),
    ("run_scoring",): (["--prediction", "EMPTY"], ["--prediction", "EVENTS"]),
    ("submission", "verify"): (["FILE"], ["EMPTY"], ["nowhere.zip"]),
    ("submission", "build"): (["EMPTY"], ["nowhere/a.zip"]),
    ("training", "flows"): (["--data", "EMPTY", "--output", "OUT"], ["--data", "EVENTS", "--output", "FILE"]),
    ("training", "classifier"): (["--data", "EVENTS", "--output", "OUT", "--preset", "default"],),
    ("training", "neyman"): (["--data", "EVENTS", "--output", "OUT"],),
    ("training", "all"): (["--data", "EMPTY", "--output", "OUT"],),
    ("experiments", "toy"): (["--output", "FILE"], ["--output", "FILE/inner"]),
    ("experiments", "digits"): (["--output", "OUT", "--data", "EMPTY"], ["--output", "FILE"]),
    ("experiments", "method"): (["--output", "OUT", "--data", "EMPTY"], ["--artifacts", "EMPTY"]),
    ("experiments", "final"): (["--output", "OUT", "--artifacts", "EMPTY"], ["--artifacts", "nowhere"]),
    ("experiments", "table2"): (["--output", "OUT", "--data", "EMPTY"], ["--output", "FILE", "--data", "EVENTS"]),
    ("experiments", "ablation"): (["--output", "OUT", "--data", "EMPTY"], ["--output", "FILE", "--data", "EVENTS"]),
}

_FLAGS = st.sampled_from(
    [
        *("--submission", "--data", "--sets", "--experiments", "--systematics", "--seed", "--workers", "--scheduler"),
        *(
            "--phase-2",
            "--output",
            "--resume",
            "--only",
            "--size",
            "--unweighted",
            "--input",
            "--prediction",
            "--parallel",
        ),
        *("--num-pseudo-experiments", "--num-of-sets", "--random-seed", "--systematics-tes", "--preset", "--device"),
        *("--artifacts", "--events", "--event-level", "--official", "--throws", "--repeats", "--methods", "--docs"),
        *("--", "-", "-x", "--nonsense", "--sys", "--s", "--data=", "--workers=0", "--help", "-h", "--seed=-1"),
    ]
)

_WORDS = st.sampled_from(
    [
        *(
            "EMPTY",
            "EVENTS",
            "FILE",
            "OUT",
            "LOOP",
            "PIPE",
            "LONG",
            "BYTES",
            "nowhere",
            "a/../..",
            "",
            " ",
            "\n",
            ".",
            "/dev/null",
        ),
        *(
            "0",
            "1",
            "2",
            "-1",
            "1.5",
            "1e3",
            "nan",
            "inf",
            "9" * 30,
            "9" * 5000,
            "\u0663",
            "1_000",
            " 3 ",
            "0x10",
            "1000",
            "1000000000",
        ),
        *("all", "none", "tes", "tes,jes", "tes,,jes", "tes,foo", "0:0", "9:9", "-1:0", "1:2:3", ":", "a:b"),
        *(
            "smoke",
            "full",
            "default",
            "cpu",
            "cuda",
            "small",
            "large",
            "flows",
            "score",
            "no-flows",
            "tcp://127.0.0.1:1",
            "\u03bc",
            "\x1b[31m",
        ),
    ]
)

_WORKING = ("--workers", "--scheduler", "--data", "--output")

#: Flags that a command knows and that take a value.
_KNOWN = {
    "score": (*_WORKING, "--submission", "--sets", "--experiments", "--systematics", "--seed", "--only"),
    "simulate": ("--size", "--seed", "--workers", "--output"),
    "run_ingestion": (
        "--num-pseudo-experiments",
        "--num-of-sets",
        "--random-seed",
        "--input",
        "--output",
        "--submission",
    ),
    "run_scoring": ("--prediction", "--output"),
    "toy": ("--preset", "--output"),
    "digits": ("--preset", "--output", "--data"),
    "method": (*_WORKING, "--artifacts", "--events", "--event-level", "--official", "--throws", "--docs"),
    "final": ("--artifacts", "--sets", "--experiments", "--seed", "--repeats", "--event-level", "--output", "--docs"),
    "table2": (*_WORKING, "--preset", "--methods", "--sets", "--experiments", "--docs", "--device"),
    "ablation": (*_WORKING, "--preset", "--only", "--docs", "--device"),
} | dict.fromkeys(("flows", "classifier", "neyman", "all"), (*_WORKING, "--preset", "--device", "--artifacts"))

_ANY_LINE = st.lists(st.one_of(_FLAGS, st.tuples(_FLAGS, _WORDS), _WORDS), max_size=4)


def _lines(command):
    """What stands between a command and the flags at its end."""
    known = _KNOWN.get(command)
    return _ANY_LINE | st.lists(st.tuples(st.sampled_from(known), _WORDS), max_size=3) if known else _ANY_LINE


@st.composite
def _cases(draw):
    if draw(st.integers(0, 9)) == 0:
        return (
            draw(st.sampled_from(sorted(_MAINS))),
            (),
            draw(st.lists(st.sampled_from(["", "nonsense", "-h", "--", "-x"]))),
            (),
        )
    command = draw(st.sampled_from(sorted(_COMMANDS)))
    last = draw(st.sampled_from(_COMMANDS[command]))
    return command[0], command[1:], draw(_lines(command[-1])), tuple(last)


def _prepare(case, place):
    name, command, line, last = case
    words = [word for part in line for word in ([part] if isinstance(part, str) else part)]
    places = _places(place)
    arguments = [places.get(word, word) for word in (*command, *words, *last)]
    return functools.partial(_MAINS[name], arguments)


def _places(place):
    """The places that a command line can name: dict from a word to a path."""
    names = {
        "EMPTY": "empty",
        "FILE": "file",
        "LOOP": "loop",
        "PIPE": "pipe",
        "EVENTS": "",
        "BYTES": "\udcff",
        "LONG": "a" * 300,
    }
    paths = {word: str(place.inputs / name) for word, name in names.items()} | {"OUT": str(place.out)}
    write_events(place)
    (place.inputs / "empty").mkdir()
    (place.inputs / "file").write_text("text")
    (place.inputs / "loop").symlink_to("loop")
    os.mkfifo(paths["PIPE"])
    return paths | {"FILE/inner": f"{paths['FILE']}/inner"}


DOORS = (Door("command lines", _cases(), _prepare),)
