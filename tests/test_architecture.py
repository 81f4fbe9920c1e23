"""The rooms of the house: what each may import or start."""

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
    "experiments": {"runtime", "ingestion_test", "submission", "training", "model"},
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
