"""The rooms of the house: what each may import or start, and where the tests of its modules are."""

import ast
import itertools
import re
import sys
from pathlib import Path

import pytest

from upload.image import PACKAGES, PYTHON

ROOT = Path(__file__).resolve().parents[1]

#: What each room may import of the others.
ALLOWED = {
    "runtime": set(),
    "ingestion_test": {"runtime"},
    "submission": set(),
    "model.py": {"submission"},
    "upload": {"runtime", "ingestion_test"},
    "training": {"runtime", "ingestion_test", "submission"},
    "experiments": {"runtime", "ingestion_test", "submission", "measurement", "training", "model"},
    "measurement": {"runtime", "ingestion_test", "submission"},
    "benchmarks": {"runtime", "ingestion_test", "submission", "training", "experiments"},
}

#: The command line's door to the room `upload`; it stays here when the rest travels.
DOOR = ROOT / "submission" / "__main__.py"

ROOMS = {name.removesuffix(".py") for name in ALLOWED} | {"tests"}

#: A string that names a script of a room.
SCRIPT = re.compile(rf"({'|'.join(sorted(ROOMS))})/[\w/]+\.py")


def _sources(room):
    path = ROOT / room
    return [path] if path.is_file() else [source for source in sorted(path.rglob("*.py")) if source != DOOR]


def _modules(tree):
    """Names of the modules, and of what is taken from them, that a syntax tree imports absolutely."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _imported(path):
    """Top-level names that a file imports absolutely."""
    return {name.split(".")[0] for name in _modules(_parsed(path))}


def _started(tree):
    """Top-level names of what commands start: modules after "-m", imports of a program after "-c", scripts by path."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.List, ast.Tuple)):
            words = [word.value if isinstance(word, ast.Constant) else None for word in node.elts]
            for flag, word in itertools.pairwise(words):
                if flag == "-m" and isinstance(word, str):
                    yield word.split(".")[0]
                elif flag == "-c" and isinstance(word, str):
                    yield from (name.split(".")[0] for name in _modules(ast.parse(word)))
            for word in ast.walk(node):
                if isinstance(word, ast.Constant) and isinstance(word.value, str) and SCRIPT.fullmatch(word.value):
                    yield word.value.split("/")[0]


@pytest.mark.parametrize("room", ALLOWED)
def test_rooms_import_and_start_only_what_they_may(room):
    for path in _sources(room):
        reached = _imported(path) | set(_started(_parsed(path)))
        foreign = (reached & ROOMS) - ALLOWED[room] - {room.removesuffix(".py")}
        assert not foreign, f"{path.relative_to(ROOT)} imports or starts {', '.join(foreign)}"


def test_what_a_command_starts_is_seen():
    code = """
run([python, "-m", "training.stages", "-x"])
run((python, "-c", "from upload import checks"), "-m")
run([python, PROJECT / "ingestion_test/run_scoring.py", "pages/a.md", "how/why"])
"""
    assert set(_started(ast.parse(code))) == {"training", "upload", "ingestion_test"}


@pytest.mark.parametrize("room", ["submission", "model.py"])
def test_what_is_uploaded_needs_only_the_image(room):
    for path in _sources(room):
        foreign = _imported(path) - sys.stdlib_module_names - PACKAGES - {"submission"}
        assert not foreign, f"{path.relative_to(ROOT)} imports {', '.join(foreign)}"


@pytest.mark.parametrize("room", ["submission", "model.py"])
def test_what_is_uploaded_parses_as_the_image_s_python(room):
    for path in _sources(room):
        ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=PYTHON)


def test_the_organisers_package_is_only_a_witness():
    for room in set(ALLOWED) - {"benchmarks"}:
        for path in _sources(room):
            assert "HiggsML" not in _imported(path), path
    assert "HiggsML" not in PACKAGES


#: Modules without a test file of their name or of their package: the file that tests them, and why there.
ELSEWHERE = {
    "experiments/bounds.py": ("test_trained_method.py", "its widths are compared with those of the training"),
    "experiments/plotting.py": ("test_trained_method.py", "it saves the figures of the studies"),
    "experiments/score_runs.py": ("test_trained_method.py", "it reads what an ingestion leaves"),
    "experiments/trained_artifacts.py": ("test_trained_method.py", "it reads what the training leaves"),
    "ingestion_test/jobs.py": ("test_workers.py", "what workers are told and answer"),
    "ingestion_test/run_ingestion.py": ("test_cli.py", "the official scripts are run one after the other"),
    "submission/arrays.py": ("test_codec.py", "names of types, which mypy checks"),
    "submission/flows_compiled.py": ("test_flows.py", "it must equal the flows"),
    "training/fields.py": ("test_config.py", "types of what a configuration holds"),
    "upload/trial.py": ("test_commands.py", "verify makes the trial run"),
}


def _place_of_tests(source):
    """Test file or folder in which one would look for the tests of a module; None if there is none."""
    room, *packages = source.parent.parts
    tests = ROOT / "tests"
    files = [tests / source.parent / f"test_{source.stem}.py"]
    files += [tests / room / f"test_{package}.py" for package in packages]  # one file for all of a package
    files += [path for package in packages for path in (tests / room / package).glob("test_*.py")]
    return next((path for path in files if path.exists()), None)


def _tested_modules():
    """All modules but those of benchmarks, many of which only take the time of others."""
    rooms = [ROOT / room for room in ALLOWED if (ROOT / room).is_dir() and room != "benchmarks"]
    for path in sorted(path for room in rooms for path in room.rglob("*.py")):
        if not path.name.startswith("__") and path.parent.name != "official_modules":
            yield path.relative_to(ROOT)


@pytest.mark.parametrize("source", list(_tested_modules()), ids=str)
def test_every_module_has_its_tests(source):
    place = _place_of_tests(source)
    if source.as_posix() in ELSEWHERE:
        assert place is None, f"{source} has {place}: it is no exception any more"
        assert (ROOT / "tests" / source.parent / ELSEWHERE[source.as_posix()][0]).exists()
    else:
        assert place, f"no tests/{source.parent}/test_{source.name}: write it"


def test_exceptions_exist():
    assert set(ELSEWHERE) <= {source.as_posix() for source in _tested_modules()}
